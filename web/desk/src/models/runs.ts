/** How a row of messages is told apart: a sender's name once per run, a time once per five minutes. */
import type { DeskMessage } from "../api/types";

const TIME_EVERY_MS = 5 * 60_000;

export interface Placed {
  readonly message: DeskMessage;
  readonly showTime: boolean;
  readonly showName: boolean;
}

export function place(messages: readonly DeskMessage[]): Placed[] {
  let shownAt = -Infinity;
  let speaker = "";
  return messages.map((message) => {
    const at = Date.parse(message.at);
    const showTime = at - shownAt >= TIME_EVERY_MS;
    if (showTime) shownAt = at;
    const who = speakerOf(message);
    const showName = showTime || who !== speaker;
    speaker = who;
    return { message, showTime, showName };
  });
}

function speakerOf(message: DeskMessage): string {
  return `${message.kind === "note" ? "note" : message.author}:${message.staff_name ?? ""}`;
}

/**
 * The messages of one talk as the screen shows them: what the server said, plus what was sent from here and is not
 * confirmed yet. The server is the truth; a message of ours vanishes from `outgoing` when it comes back.
 */
import type { Attachment, DeskMessage } from "../api/types";

export interface Sending {
  readonly clientMessageId: string;
  readonly text: string;
  readonly attachment: Attachment | null;
  readonly at: string;
  readonly state: "sending" | "failed";
  readonly error: string;
  /** Known once the server has accepted it, so that its coming back is recognised. */
  readonly messageId: string | null;
}

export interface Thread {
  readonly messages: readonly DeskMessage[];
  readonly outgoing: readonly Sending[];
  readonly hasMore: boolean;
}

export const EMPTY_THREAD: Thread = { messages: [], outgoing: [], hasMore: false };

/** Take what the server told. Known messages are replaced (delivery may have moved on), older loaded ones stay. */
export function received(thread: Thread, fresh: readonly DeskMessage[]): Thread {
  const byId = new Map(thread.messages.map((message) => [message.id, message]));
  for (const message of fresh) byId.set(message.id, message);
  const messages = [...byId.values()].sort(inOrder);
  return { ...thread, messages, outgoing: thread.outgoing.filter((sent) => !isBack(sent, byId)) };
}

/** The whole of what the server holds from its first listed message on; a gap before it is closed by older pages. */
export function opened(thread: Thread, fresh: readonly DeskMessage[], hasMore: boolean): Thread {
  const first = fresh.find((message) => message.seq !== null)?.seq ?? null;
  const kept = thread.messages.filter((message) => first !== null && message.seq !== null && message.seq < first);
  // When pages were loaded further back than this answer reaches, the edge is where those pages ended.
  return { ...received({ ...thread, messages: kept }, fresh), hasMore: kept.length > 0 ? thread.hasMore : hasMore };
}

export function older(thread: Thread, page: readonly DeskMessage[], hasMore: boolean): Thread {
  return { ...received(thread, page), hasMore };
}

export function sending(thread: Thread, message: Sending): Thread {
  return { ...thread, outgoing: [...thread.outgoing.filter((sent) => sent.clientMessageId !== message.clientMessageId), message] };
}

export function accepted(thread: Thread, clientMessageId: string, messageId: string): Thread {
  const marked = thread.outgoing.map((sent) => (sent.clientMessageId === clientMessageId ? { ...sent, messageId } : sent));
  return received({ ...thread, outgoing: marked }, []);
}

export function failed(thread: Thread, clientMessageId: string, error: string): Thread {
  const outgoing = thread.outgoing.map((sent) =>
    sent.clientMessageId === clientMessageId ? { ...sent, state: "failed" as const, error } : sent,
  );
  return { ...thread, outgoing };
}

export function lastSeq(thread: Thread): number {
  return thread.messages.reduce((highest, message) => Math.max(highest, message.seq ?? 0), 0);
}

export function firstSeq(thread: Thread): number | null {
  return thread.messages.find((message) => message.seq !== null)?.seq ?? null;
}

/** What the customer sees stands by seq; notes and dropped replies, which have none, stand by their time between them. */
function inOrder(a: DeskMessage, b: DeskMessage): number {
  if (a.seq !== null && b.seq !== null) return a.seq - b.seq;
  const byTime = Date.parse(a.at) - Date.parse(b.at);
  if (byTime !== 0) return byTime;
  return (a.seq ?? Infinity) - (b.seq ?? Infinity) || a.id.localeCompare(b.id);
}

function isBack(sent: Sending, byId: ReadonlyMap<string, DeskMessage>): boolean {
  if (sent.messageId !== null) return byId.has(sent.messageId);
  return [...byId.values()].some((message) => message.client_message_id === sent.clientMessageId);
}

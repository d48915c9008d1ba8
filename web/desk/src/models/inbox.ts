/** The order of the conversation list. */
import type { ConversationRow } from "../api/types";

/** Who waits in a line comes first, longest first; then who wrote and is not read; then the newest words. */
function urgency(a: ConversationRow, b: ConversationRow): number {
  const waiting = Number(b.waiting_since !== null) - Number(a.waiting_since !== null);
  if (waiting !== 0) return waiting;
  if (a.waiting_since !== null && b.waiting_since !== null) {
    if (a.priority !== b.priority) return a.priority - b.priority;
    return a.waiting_since.localeCompare(b.waiting_since);
  }
  const unread = Number(b.unread > 0) - Number(a.unread > 0);
  if (unread !== 0) return unread;
  return (b.last_at ?? "").localeCompare(a.last_at ?? "");
}

/** Sort anew, but leave the open row in its place on the screen, so that nothing moves under the reader's hand. */
export function arrange(
  fresh: readonly ConversationRow[],
  shown: readonly ConversationRow[],
  openId: string | null,
): ConversationRow[] {
  const sorted = [...fresh].sort(urgency);
  const open = sorted.find((row) => row.conversation_id === openId);
  const place = shown.findIndex((row) => row.conversation_id === openId);
  if (open === undefined || place === -1) return sorted;
  const rest = sorted.filter((row) => row !== open);
  rest.splice(Math.min(place, rest.length), 0, open);
  return rest;
}

export function neighbour<T>(rows: readonly T[], isCurrent: (row: T) => boolean, step: 1 | -1): T | undefined {
  const at = rows.findIndex(isCurrent);
  if (at === -1) return rows[step === 1 ? 0 : rows.length - 1];
  return rows[at + step];
}

/** How bad a mood is worth a mark; 1 is the worst the gateway tells. */
const BAD_MOOD_FROM = 0.6;

export function isBadMood(emotion: number | null | undefined): boolean {
  return typeof emotion === "number" && emotion >= BAD_MOOD_FROM;
}

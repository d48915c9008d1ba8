/** Messages for tests. */
import type { Message } from "../api/types";

export function message(seq: number, more: Partial<Message> = {}): Message {
  return { seq, author: "bot", kind: "text", text: `第 ${seq} 条`, at: "2026-11-21T12:00:00Z", ...more };
}

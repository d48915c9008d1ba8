/**
 * The messages of the conversation, confirmed and hoped for, in the order in which they are shown.
 *
 * A sent message is shown at once under its client_message_id:
 *
 *     sending ──202──▶ sent ──(comes back with its seq)──▶ a confirmed message
 *        │  ▲
 *        ▼  └─retry
 *      failed
 *
 * Confirmed messages are kept by seq, so that a message that arrives twice, by socket and by poll, is one message.
 */
import type { Body, Message } from "../api/types";

export type PendingState = "uploading" | "sending" | "sent" | "failed";

export interface Pending {
  readonly id: string;
  readonly text: string;
  readonly kind: "text" | "choice" | "image" | "video";
  readonly at: string;
  body: Body | null;
  file: File | null;
  state: PendingState;
  /** Known from the 202 on; the message itself may still be on its way. */
  seq: number | null;
  progress: number;
  reason: string | null;
  /** Its words lie in the field again: pressing Enter on them means this message, also while it is tried anew. */
  returned?: boolean;
}

export class Thread {
  private readonly bySeq = new Map<number, Message>();
  private readonly waiting: Pending[] = [];
  private from = 0;
  private complete = 0;
  /** Called when a hoped-for message turns out to be there. */
  settled: (pending: Pending) => void = () => undefined;

  /** Everything up to `seq` is taken as known, because it was left out on purpose. */
  beginAfter(seq: number): void {
    this.bySeq.clear();
    this.from = seq;
    this.complete = seq;
  }

  /** The last seq before which nothing is missing; what to resume from. */
  get lastComplete(): number {
    return this.complete;
  }

  /** The newest seq seen, gaps or not. */
  get newest(): number {
    return Math.max(this.complete, ...this.bySeq.keys());
  }

  /** Where the loaded part begins; 0 means that there is nothing earlier. */
  get beginsAfter(): number {
    return this.from;
  }

  get hasGap(): boolean {
    return this.newest > this.complete;
  }

  get confirmed(): readonly Message[] {
    return [...this.bySeq.values()].sort((one, other) => one.seq - other.seq);
  }

  get pending(): readonly Pending[] {
    return this.waiting;
  }

  get isEmpty(): boolean {
    return this.bySeq.size === 0 && this.waiting.length === 0;
  }

  /** Take messages from any source in any order. Returns those that were new. */
  take(messages: readonly Message[]): Message[] {
    const fresh: Message[] = [];
    for (const message of messages) {
      if (message.seq <= this.from) continue;
      if (!this.bySeq.has(message.seq)) fresh.push(message);
      this.bySeq.set(message.seq, message);
      this.settle(message);
    }
    while (this.bySeq.has(this.complete + 1)) this.complete += 1;
    return fresh;
  }

  /** A page that the server says is whole: it has nothing between `after` and the page's last message but these. */
  takePage(after: number, messages: readonly Message[]): Message[] {
    const fresh = this.take(messages);
    const last = messages.at(-1)?.seq;
    if (after <= this.complete && last !== undefined && last > this.complete) this.complete = last;
    while (this.bySeq.has(this.complete + 1)) this.complete += 1;
    return fresh;
  }

  /** Put older messages in front. */
  prepend(beginsAfter: number, messages: readonly Message[]): void {
    this.from = Math.min(this.from, beginsAfter);
    for (const message of messages) {
      if (message.seq > beginsAfter && !this.bySeq.has(message.seq)) this.bySeq.set(message.seq, message);
    }
  }

  hope(pending: Pending): void {
    this.waiting.push(pending);
  }

  accepted(id: string, seq: number): void {
    const pending = this.find(id);
    if (pending === undefined) return;
    pending.seq = seq;
    pending.state = "sent";
    if (this.bySeq.has(seq)) this.drop(id);
  }

  find(id: string): Pending | undefined {
    return this.waiting.find((pending) => pending.id === id);
  }

  /** The same words that already failed: sending them again must not make a second message. */
  failedTwin(text: string): Pending | undefined {
    const again = (pending: Pending) => pending.state === "failed" || (pending.state === "sending" && pending.returned === true);
    return this.waiting.find((pending) => again(pending) && pending.kind === "text" && pending.text === text);
  }

  drop(id: string): void {
    const place = this.waiting.findIndex((pending) => pending.id === id);
    if (place !== -1) this.waiting.splice(place, 1);
  }

  /** Remember the customer's word about an answer, so that the thumbs stay pressed. */
  mark(seq: number, helpful: boolean): void {
    const message = this.bySeq.get(seq);
    if (message !== undefined) this.bySeq.set(seq, { ...message, helpful });
  }

  private settle(message: Message): void {
    if (message.author !== "customer") return;
    const twin = this.waiting.find(
      (pending) => pending.id === message.client_message_id || pending.seq === message.seq,
    );
    if (twin === undefined) return;
    this.drop(twin.id);
    this.settled(twin);
  }
}

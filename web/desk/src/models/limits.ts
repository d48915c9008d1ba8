/** What a channel allows to be written: how long, and until when. */
import type { ChannelLimits } from "../api/types";

/** The contract's own limit, for channels without a smaller one. */
export const LONGEST_MESSAGE = 4000;
/** A counter is shown when this share of the length is used; below it is noise. */
const SHOW_COUNTER_FROM = 0.8;
const WINDOW_WARNING_MS = 60 * 60_000;

export interface Counter {
  readonly used: number;
  readonly allowed: number;
  readonly isOver: boolean;
  readonly isShown: boolean;
  /** How many messages the text becomes on a channel that splits; 1 elsewhere. */
  readonly parts: number;
}

/** Counts what a reader counts: 👍 is one sign. */
export function lengthOf(text: string): number {
  return [...text].length;
}

export function counter(text: string, limits: ChannelLimits): Counter {
  const used = limits.in_bytes === true ? new TextEncoder().encode(text).length : lengthOf(text);
  const channel = limits.max_chars ?? null;
  const allowed = channel ?? LONGEST_MESSAGE;
  // A channel that takes short messages has longer ones split by its connector; only the contract's limit refuses.
  const isOver = lengthOf(text) > LONGEST_MESSAGE;
  return {
    used,
    allowed,
    isOver,
    isShown: (channel !== null && limits.in_bytes !== true && channel < LONGEST_MESSAGE) || used >= allowed * SHOW_COUNTER_FROM,
    parts: channel === null ? 1 : Math.max(1, Math.ceil(used / channel)),
  };
}

export type WindowState = { kind: "open" } | { kind: "closing"; until: Date } | { kind: "closed" };

export function windowState(limits: ChannelLimits, now: Date): WindowState {
  if (limits.window_until === null || limits.window_until === undefined) return { kind: "open" };
  const until = new Date(limits.window_until);
  if (until <= now) return { kind: "closed" };
  return until.getTime() - now.getTime() < WINDOW_WARNING_MS ? { kind: "closing", until } : { kind: "open" };
}

/** Which acts a ticket offers, and which of them are buttons: at most two, the next one first; the rest is folded. */
import type { TicketState } from "../api/types";

export type TicketAct =
  | "confirm" | "waitCustomer" | "resolve" | "escalate" | "reopen" | "review" | "close"
  | "snooze" | "wake" | "split" | "merge" | "link";

/** The gateway's names for what `allowed` lists. */
const NAMES: Readonly<Record<string, TicketAct>> = {
  confirm: "confirm", "wait-customer": "waitCustomer", resolve: "resolve", escalate: "escalate", reopen: "reopen", review: "review", close: "close",
  snooze: "snooze", wake: "wake", split: "split", merge: "merge", link: "link",
};
/** Done beside the handling: never a button, and always last. */
const BESIDE: readonly TicketAct[] = ["wake", "snooze", "split", "merge", "link"];

const ORDER: Readonly<Record<TicketState, readonly TicketAct[]>> = {
  new: ["review", "confirm", "resolve", "escalate", "waitCustomer"],
  in_progress: ["review", "resolve", "waitCustomer", "escalate"],
  waiting_customer: ["review", "resolve", "waitCustomer", "escalate"],
  to_report: ["review", "resolve", "escalate"],
  resolved: ["review", "close", "reopen"],
  closed: ["review", "reopen"],
  self_solved: ["reopen"],
  merged: [],
};
const BUTTONS = 2;

export function actsFor(state: TicketState, allowed: readonly string[]): { shown: TicketAct[]; folded: TicketAct[] } {
  const possible = new Set(allowed.flatMap((name) => NAMES[name] ?? []));
  const first = ORDER[state].filter((act) => possible.has(act));
  const rest = [...possible].filter((act) => !first.includes(act) && !BESIDE.includes(act));
  const all = [...first, ...rest];
  return { shown: all.slice(0, BUTTONS), folded: [...all.slice(BUTTONS), ...BESIDE.filter((act) => possible.has(act))] };
}

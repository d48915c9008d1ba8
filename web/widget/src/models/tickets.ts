/** What a ticket means to the customer: its state in plain words, and what can be done with it. */
import type { TicketDetail, TicketState } from "../api/types";
import type { MoreKey } from "../i18n/more.zh-CN";

const WORDS: Readonly<Record<TicketState, MoreKey>> = {
  new: "stateNew",
  in_progress: "stateInProgress",
  waiting_customer: "stateWaitingCustomer",
  to_report: "stateToReport",
  resolved: "stateResolved",
  closed: "stateClosed",
  self_solved: "stateSelfSolved",
  merged: "stateMerged",
};

/** A state that this page does not know yet is at least being worked on. */
export function stateWords(state: TicketState): MoreKey {
  return (WORDS as Readonly<Record<string, MoreKey>>)[state] ?? "stateInProgress";
}

export type Tone = "open" | "asks" | "done";

export function toneOf(state: TicketState): Tone {
  if (state === "waiting_customer" || state === "resolved") return "asks";
  return state === "closed" || state === "self_solved" || state === "merged" ? "done" : "open";
}

export interface Ways {
  readonly add: boolean;
  readonly close: boolean;
  readonly reopen: boolean;
  readonly rate: boolean;
}

export function waysOf(ticket: Pick<TicketDetail, "state" | "survey">): Ways {
  const { state } = ticket;
  const ended = state === "closed" || state === "self_solved" || state === "merged";
  return {
    add: state !== "closed" && state !== "merged",
    close: !ended,
    reopen: state === "resolved" || state === "closed",
    rate: (state === "resolved" || state === "closed" || state === "self_solved") && (ticket.survey ?? null) === null,
  };
}

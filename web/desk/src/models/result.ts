/** A result as it is written: what its kind needs, and what then travels. */
import type { Cause } from "../api/matters";
import type { Result, ResultKind } from "../api/tickets";
import { fromInput } from "./when";

export interface ResultForm {
  kind: ResultKind;
  solution: string;
  reason: string;
  alternative: string;
  team: string;
  at: string;
  cause: Cause | "";
  causeText: string;
}

export type Wanted = "solution" | "reason" | "alternative" | "team" | "at";

/** What is missing, in the order of the form; nothing when it may go. */
export function isReady(form: ResultForm, now: Date): Wanted[] {
  const empty = (text: string): boolean => text.trim() === "";
  const wants: Wanted[] = [];
  if (form.kind === "unsolvable") {
    if (empty(form.reason)) wants.push("reason");
    if (empty(form.alternative)) wants.push("alternative");
  } else if (empty(form.solution)) wants.push("solution");
  if (form.kind === "follow_up") {
    const at = fromInput(form.at);
    if (form.team === "") wants.push("team");
    if (at === null || new Date(at) <= now) wants.push("at");
  }
  return wants;
}

export function resultOf(form: ResultForm): Result {
  const at = fromInput(form.at);
  return {
    solution: form.solution.trim(),
    result_kind: form.kind,
    ...(form.kind === "unsolvable" ? { reason: form.reason.trim(), alternative: form.alternative.trim() } : {}),
    ...(form.kind === "follow_up" && at !== null ? { follow_up_team_id: form.team, follow_up_at: at } : {}),
    ...(form.cause === "" ? {} : { cause: form.cause }),
    ...(form.causeText.trim() === "" ? {} : { cause_text: form.causeText.trim() }),
  };
}

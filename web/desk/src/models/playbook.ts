/** What a category's playbook wants before a result, and what of it is told together with the result. */
import type { Plan, PlanField, PlanStep } from "../api/playbooks";
import type { ResultKind } from "../api/tickets";
import type { TicketDetail } from "../api/types";

export type Values = Readonly<Record<string, string>>;

/** What is known of a ticket, as far as a playbook can ask for it. */
export interface Known {
  readonly values: Values;
  /** Steps that are done, of the playbook that the ticket has now. */
  readonly steps: { readonly of: string | null; readonly done: readonly string[] };
}

export interface Wishes {
  readonly fields: readonly PlanField[];
  readonly steps: readonly PlanStep[];
}

export interface Completed {
  playbook?: Record<string, string>;
  steps_done?: string[];
}

/** The result's form asks for these by itself. */
const OF_THE_FORM = new Set(["cause", "cause_text"]);
export const NOTHING_KNOWN: Known = { values: {}, steps: { of: null, done: [] } };

/** A category's own playbook before its branch's, as the service chooses. */
export function planFor(plans: readonly Plan[], category: string | null): Plan | null {
  if (category === null) return null;
  const live = plans.filter((plan) => !plan.archived);
  const [branch = ""] = category.split("/");
  return live.find((plan) => plan.categories.includes(category)) ?? live.find((plan) => plan.categories.includes(branch)) ?? null;
}

export function knownOf(ticket: TicketDetail): Known {
  const values: Record<string, string> = { ...ticket.fields };
  if (ticket.promised_at !== null) values["promised_at"] = ticket.promised_at;
  for (const field of ticket.playbook?.fields ?? []) if (field.value !== "") values[field.key] = field.value;
  const done = (ticket.playbook?.steps ?? []).filter((step) => step.done_at !== null).map((step) => step.id);
  return { values, steps: { of: ticket.playbook?.id ?? null, done } };
}

const isGiven = (field: PlanField, value: string): boolean =>
  value.trim() !== "" && (field.options === null || value in field.options);

/** What to ask for with this result. `now` are the form's values: some steps are wanted only under some of them. */
export function wishesOf(plan: Plan | null, kind: ResultKind, now: Values, known: Known): Wishes {
  if (plan === null || kind === "withdrawn") return { fields: [], steps: [] };
  const done = known.steps.of === plan.id ? known.steps.done : [];
  const isWanted = (step: PlanStep): boolean =>
    step.wanted && !done.includes(step.id) && Object.entries(step.only ?? {}).every(([key, values]) => values.includes(now[key] ?? ""));
  return {
    fields: plan.fields.filter((field) => field.results.includes(kind) && !OF_THE_FORM.has(field.key)),
    steps: kind === "solved" ? plan.steps.filter(isWanted) : [],
  };
}

/** Whether the playbook wants the form's own cause (or its words) with this result. */
export const wants = (plan: Plan | null, kind: ResultKind, key: "cause" | "cause_text"): boolean =>
  plan?.fields.some((field) => field.key === key && field.results.includes(kind)) ?? false;

/** Keys of fields and steps that still lack something, in the form's order. */
export function lacksOf(wishes: Wishes, now: Values, ticked: readonly string[]): string[] {
  return [
    ...wishes.fields.filter((field) => !isGiven(field, now[field.key] ?? "")).map((field) => field.key),
    ...wishes.steps.filter((step) => !ticked.includes(step.id)).map((step) => step.id),
  ];
}

/** What travels: only what is new, since what is shown of the rest is masked. */
export function completed(wishes: Wishes, now: Values, ticked: readonly string[], known: Known): Completed {
  const fresh = wishes.fields.filter((field) => (now[field.key] ?? "").trim() !== (known.values[field.key] ?? ""));
  const steps = wishes.steps.filter((step) => ticked.includes(step.id)).map((step) => step.id);
  return {
    ...(fresh.length > 0 ? { playbook: Object.fromEntries(fresh.map((field) => [field.key, (now[field.key] ?? "").trim()])) } : {}),
    ...(steps.length > 0 ? { steps_done: steps } : {}),
  };
}

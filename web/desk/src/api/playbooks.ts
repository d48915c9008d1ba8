/** How matters of each kind are handled: the plans, and what was done of one on a ticket. */
import { get, post, put } from "./client";
import type { TicketBrief } from "./types";

export interface PanelStep {
  id: string;
  title: string;
  hint: string;
  template: string;
  marks: string;
  wanted: boolean;
  applies: boolean;
  done_at: string | null;
  done_by: string | null;
}

export interface PanelField {
  key: string;
  title: string;
  kind: "choice" | "text" | "date";
  options: { id: string; label: string }[];
  value: string;
  wanted: boolean;
  results: string[];
}

/** The detail's `playbook`: null where the category has none. */
export interface Panel {
  id: string | null;
  name: string | null;
  steps: PanelStep[];
  fields: PanelField[];
  missing: string[];
  signature: string | null;
  watch: { released_at: string; until: string; returned_at: string | null } | null;
  appeal_of: string | null;
  appeals: { serial: string; state: string }[];
  may_appeal: boolean;
}

export interface PlanStep {
  id: string;
  title: string;
  hint: string;
  template: string;
  marks: string;
  wanted: boolean;
  only: Record<string, string[]> | null;
}

export interface PlanField {
  key: string;
  title: string;
  kind: "choice" | "text" | "date";
  results: string[];
  options: Record<string, string> | null;
}

export interface Plan {
  id: string;
  name: string;
  categories: string[];
  steps: PlanStep[];
  fields: PlanField[];
  version: number;
  archived: boolean;
}

const ticket = (serial: string): string => `/api/v1/tickets/${encodeURIComponent(serial)}`;

export const doStep = (serial: string, step: string, done: boolean): Promise<Panel> => post(`${ticket(serial)}/playbook/steps/${step}`, { done });
export const fill = (serial: string, values: Record<string, string>): Promise<Panel> => put(`${ticket(serial)}/playbook/fields`, { values });
export const sign = (serial: string, signature: string): Promise<Panel> => put(`${ticket(serial)}/playbook/signature`, { signature });
export const appeal = (serial: string, wish: { text: string; of: "reporter" | "concerned"; name: string }): Promise<TicketBrief> =>
  post(`${ticket(serial)}/appeal`, wish);

export const plans = async (): Promise<Plan[]> => (await get<{ items: Plan[] }>("/api/v1/playbooks")).items;
const bodyOf = ({ id: _, ...plan }: Plan): Omit<Plan, "id"> => plan;
export const addPlan = (plan: Plan): Promise<{ id: string }> => post("/api/v1/playbooks", bodyOf(plan));
export const savePlan = (plan: Plan): Promise<void> => put(`/api/v1/playbooks/${encodeURIComponent(plan.id)}`, bodyOf(plan));

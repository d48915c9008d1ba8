/** Tickets and what may be done to them. */
import { get, patch, post, type Query } from "./client";
import type { Category, Page, TicketBrief, TicketDetail } from "./types";
import type { NextStep } from "./desk";
import type { Cause } from "./matters";

export type TicketView =
  | "open" | "mine" | "team" | "expert" | "review" | "overdue" | "following" | "sorting" | "snoozed" | "resolved" | "all";

export interface TicketFilter extends Query {
  view: TicketView;
  state?: string;
  category?: string;
  team?: string;
  channel?: string;
  priority?: string;
  q?: string;
  sort?: string;
  outside?: string;
  cursor?: string;
  limit?: number;
}

export interface TicketChange {
  version: number;
  category_id?: string;
  priority?: number;
  team_id?: string;
  assignee_id?: string | null;
  title?: string;
  fields?: Record<string, string>;
  tags?: string[];
  cause?: Cause | null;
  cause_text?: string;
  source_url?: string;
  source_text?: string;
}

export type ResultKind = "solved" | "unsolvable" | "follow_up" | "withdrawn";

export interface Result {
  solution: string;
  result_kind: ResultKind;
  reason?: string;
  alternative?: string;
  follow_up_team_id?: string;
  follow_up_at?: string;
  cause?: Cause;
  cause_text?: string;
  playbook?: Record<string, string>;
  steps_done?: string[];
}

export interface StepWish extends NextStep {
  kind: StepKind;
  tell: boolean;
  done: boolean;
}

export type StepKind = "callback" | "merchant" | "visit" | "retest" | "other";
export const STEP_KINDS: readonly StepKind[] = ["callback", "merchant", "visit", "retest", "other"];

export interface NewTicket {
  title: string;
  description: string;
  category_id?: string;
  team_id?: string;
  priority?: number;
  customer_name?: string;
  channel_kind?: string;
  phone?: string;
}

const ticket = (serial: string): string => `/api/v1/tickets/${encodeURIComponent(serial)}`;

export const list = (filter: TicketFilter): Promise<Page<TicketBrief>> => get<Page<TicketBrief>>("/api/v1/tickets", filter);
export const open = (serial: string): Promise<TicketDetail> => get<TicketDetail>(ticket(serial));
export const create = (fresh: NewTicket): Promise<TicketBrief> => post<TicketBrief>("/api/v1/tickets", fresh);
export const change = (serial: string, what: TicketChange): Promise<unknown> => patch(ticket(serial), what);
export const categories = async (): Promise<Category[]> => {
  const told = await get<{ items: Category[] }>("/api/v1/categories");
  return told.items;
};

export const confirm = (serial: string): Promise<unknown> => post(`${ticket(serial)}/confirm`);
export const answer = (serial: string, clientMessageId: string, text: string): Promise<unknown> =>
  post(`${ticket(serial)}/messages`, { client_message_id: clientMessageId, text });
export const note = (serial: string, text: string): Promise<unknown> => post(`${ticket(serial)}/notes`, { text });
export const setNextStep = (serial: string, step: StepWish): Promise<unknown> => post(`${ticket(serial)}/next-step`, step);
export const escalate = (serial: string, to: "expert" | "supervisor", summary: string): Promise<unknown> =>
  post(`${ticket(serial)}/escalate`, { to, summary });
export const waitForCustomer = (serial: string, text: string): Promise<unknown> =>
  post(`${ticket(serial)}/wait-customer`, { text });
export const resolve = (serial: string, result: Result): Promise<unknown> => post(`${ticket(serial)}/resolve`, result);
export const reopen = (serial: string, reason: string): Promise<unknown> => post(`${ticket(serial)}/reopen`, { reason });
export const review = (serial: string, finding: string, agree: boolean): Promise<unknown> =>
  post(`${ticket(serial)}/review`, { finding, agree });
export const close = (serial: string): Promise<unknown> => post(`${ticket(serial)}/close`);

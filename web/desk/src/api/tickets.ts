/** Tickets and what may be done to them. */
import { get, patch, post, type Query } from "./client";
import type { Category, Page, TicketBrief, TicketDetail } from "./types";
import type { NextStep } from "./desk";

export type TicketView = "open" | "mine" | "team" | "expert" | "review" | "overdue" | "resolved" | "all";

export interface TicketFilter extends Query {
  view: TicketView;
  state?: string;
  category?: string;
  team?: string;
  channel?: string;
  priority?: string;
  q?: string;
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
}

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
export const setNextStep = (serial: string, step: NextStep): Promise<unknown> => post(`${ticket(serial)}/next-step`, step);
export const escalate = (serial: string, to: "expert" | "supervisor", summary: string): Promise<unknown> =>
  post(`${ticket(serial)}/escalate`, { to, summary });
export const waitForCustomer = (serial: string, text: string): Promise<unknown> =>
  post(`${ticket(serial)}/wait-customer`, { text });
export const resolve = (serial: string, solution: string, resultKind?: string): Promise<unknown> =>
  post(`${ticket(serial)}/resolve`, resultKind === undefined ? { solution } : { solution, result_kind: resultKind });
export const reopen = (serial: string, reason: string): Promise<unknown> => post(`${ticket(serial)}/reopen`, { reason });
export const review = (serial: string, finding: string, agree: boolean): Promise<unknown> =>
  post(`${ticket(serial)}/review`, { finding, agree });
export const close = (serial: string): Promise<unknown> => post(`${ticket(serial)}/close`);

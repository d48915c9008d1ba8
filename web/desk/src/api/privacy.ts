/** Least privilege: opening by a reason, showing for a minute, the agreement; and the saved views of the ticket list. */
import { get, post, put, remove } from "./client";
import type { Page } from "./types";

export type RevealWhat = "phone" | "email" | "name" | "profile" | "title" | "description" | "field" | "message" | "identity";

export interface Reveal {
  id: string;
  value: string;
  until: string;
}

export interface Agreement {
  version: number;
  text: string;
  published_at: string | null;
  accepted: boolean;
}

export interface Acceptance {
  id: string;
  name: string;
  at: string | null;
  how: string | null;
}

export interface ViewWish {
  name: string;
  filters: Record<string, string>;
  sort: string;
  columns: string[];
  team_id: string | null;
}

export interface SavedView extends ViewWish {
  id: string;
  mine: boolean;
  owner_name: string | null;
}

export interface ViewCounts {
  counts: Record<string, number>;
  most: number;
}

const ticket = (serial: string): string => `/api/v1/tickets/${encodeURIComponent(serial)}`;
const VIEWS = "/api/v1/ticket-views";

export const openTicket = (serial: string, reason: string): Promise<unknown> => post(`${ticket(serial)}/open`, { reason });
export const reveal = (serial: string, what: RevealWhat, key: string, reason: string): Promise<Reveal> =>
  post<Reveal>(`${ticket(serial)}/reveals`, { what, key, reason });

export const agreement = (): Promise<Agreement> => get<Agreement>("/api/v1/agreement");
export const accept = (version: number): Promise<void> => post("/api/v1/agreement/accept", { version });
export const publish = (text: string): Promise<{ version: number }> => put("/api/v1/agreement", { text });
export const acceptances = async (): Promise<Acceptance[]> => (await get<Page<Acceptance>>("/api/v1/agreement/acceptances")).items;

export const views = async (): Promise<SavedView[]> => (await get<Page<SavedView>>(VIEWS)).items;
export const counts = (): Promise<ViewCounts> => get<ViewCounts>(`${VIEWS}/counts`);
export const saveView = (wish: ViewWish): Promise<{ id: string }> => post(VIEWS, wish);
export const changeView = (id: string, wish: ViewWish): Promise<void> => put(`${VIEWS}/${encodeURIComponent(id)}`, wish);
export const removeView = (id: string): Promise<void> => remove(`${VIEWS}/${encodeURIComponent(id)}`);

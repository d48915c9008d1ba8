/** Receivers of webhooks and what became of each call. */
import { get, patch, post, remove } from "./client";

export interface Webhook {
  id: string;
  name: string;
  url: string;
  kinds: string[];
  with_text: boolean;
  disabled: boolean;
  previous_key_until: string | null;
  created_at: string;
  sent: number;
  waiting: number;
  dead: number;
  /** Only in the answer that made it. */
  key?: string | null;
}

export interface WebhookWish {
  name: string;
  url: string;
  kinds: string[];
  with_text: boolean;
}

export interface Delivery {
  id: string;
  event_id: string;
  kind: string;
  subject: string;
  state: "waiting" | "sent" | "dead";
  attempts: number;
  most_attempts: number;
  status: number | null;
  error: string | null;
  ms: number | null;
  created_at: string;
  due_at: string | null;
  done_at: string | null;
  body?: string | null;
  tries?: { at: string; status: number | null; error: string | null; ms: number; answer: string | null }[];
}

const one = (id: string): string => `/api/v1/webhooks/${encodeURIComponent(id)}`;
const call = (id: string): string => `/api/v1/webhook-deliveries/${encodeURIComponent(id)}`;

export const list = (): Promise<{ items: Webhook[]; kinds: string[] }> => get("/api/v1/webhooks");
export const add = (wish: WebhookWish): Promise<Webhook> => post("/api/v1/webhooks", wish);
export const change = (id: string, what: Partial<WebhookWish> & { disabled?: boolean }): Promise<Webhook> => patch(one(id), what);
export const drop = (id: string): Promise<void> => remove(one(id));
export const rotate = (id: string): Promise<Webhook> => post(`${one(id)}/key`);
export const test = (id: string): Promise<Delivery> => post(`${one(id)}/test`);
export const deliveries = (id: string, state: string, cursor: string | null): Promise<{ items: Delivery[]; next: string | null }> => get(`${one(id)}/deliveries`, { state, cursor });
export const delivery = (id: string): Promise<Delivery> => get(call(id));
export const resend = (id: string): Promise<Delivery> => post(`${call(id)}/resend`);

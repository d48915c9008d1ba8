/** Guests of one ticket, the head of the house, and what went out by mail or short message. */
import { post, remove } from "./client";

export interface GuestWord {
  id: string;
  at: string;
  mine: boolean;
  name: string;
  text: string;
  to_customer: boolean;
}

export interface Guest {
  id: string;
  kind: "guest" | "executive";
  name: string;
  organisation: string;
  email: string | null;
  may_answer: boolean;
  invited_by: string | null;
  created_at: string;
  expires_at: string;
  revoked_at: string | null;
  seen_at: string | null;
  open: boolean;
  url: string | null;
  words: GuestWord[];
}

export interface HeadAsked {
  name: string | null;
  asked: string;
  overdue: boolean;
  asked_at: string | null;
  due_at: string | null;
  answered_at: string | null;
}

export interface Notice {
  id: string;
  kind: string;
  hook: "mail" | "sms";
  to: string | null;
  state: "pending" | "sending" | "sent" | "failed";
  attempts: number;
  created_at: string;
  sent_at: string | null;
}

/** What the detail of a ticket carries about the loop with its customer. */
export interface TicketLoop {
  guests: Guest[];
  executive: HeadAsked | null;
  notices: Notice[];
}

export interface Invitation {
  name: string;
  organisation: string;
  text?: string;
  email?: string;
  may_answer: boolean;
  days: number;
}

const guests = (serial: string): string => `/api/v1/tickets/${encodeURIComponent(serial)}/guests`;
const guest = (serial: string, id: string): string => `${guests(serial)}/${encodeURIComponent(id)}`;

export const invite = (serial: string, wish: Invitation): Promise<Guest> => post(guests(serial), wish);
export const revoke = (serial: string, id: string): Promise<void> => remove(guest(serial, id));
export const tell = (serial: string, id: string, text: string): Promise<void> => post(`${guest(serial, id)}/messages`, { text });

/** Presence, the queue, and the talk. */
import { get, ownSlot, post, put, queryString, upload } from "./client";
import type { Result } from "./tickets";
import type {
  Attachment, ConversationDetail, ConversationRow, DeskMessage, InboxView, MyDay, Page, Presence, PresenceStatus, Queue,
} from "./types";

const talk = (id: string): string => `/api/v1/desk/conversations/${encodeURIComponent(id)}`;

export const presence = (): Promise<Presence> => get<Presence>("/api/v1/desk/presence");
export const setPresence = (status: PresenceStatus, reason?: string): Promise<Presence> =>
  put<Presence>("/api/v1/desk/presence", reason === undefined ? { status } : { status, reason });

export const day = (): Promise<MyDay> => get<MyDay>("/api/v1/desk/day");
export const queue = (): Promise<Queue> => get<Queue>("/api/v1/desk/queue");
export const conversations = (view: InboxView): Promise<Page<ConversationRow>> =>
  get<Page<ConversationRow>>("/api/v1/desk/conversations", { view });

export const accept = (handoffId: string): Promise<{ conversation_id: string }> =>
  post(`/api/v1/desk/handoffs/${encodeURIComponent(handoffId)}/accept`);
export const decline = (handoffId: string, reason: string): Promise<void> =>
  post(`/api/v1/desk/handoffs/${encodeURIComponent(handoffId)}/decline`, { reason });

export const conversation = (id: string): Promise<ConversationDetail> => get<ConversationDetail>(talk(id));
export const olderMessages = (id: string, beforeSeq: number): Promise<{ items: DeskMessage[]; has_more: boolean }> =>
  get(`${talk(id)}/messages`, { before_seq: beforeSeq });

export interface Outgoing {
  client_message_id: string;
  text?: string;
  attachment_id?: string;
}

export const send = (id: string, message: Outgoing): Promise<{ message_id: string; seq: number }> =>
  post(`${talk(id)}/messages`, message);
export const retry = (id: string, messageId: string): Promise<void> =>
  post(`${talk(id)}/messages/${encodeURIComponent(messageId)}/retry`);
export const note = (id: string, text: string): Promise<void> => post(`${talk(id)}/notes`, { text });
export const returnToBot = (id: string, reason: string): Promise<void> =>
  post(`${talk(id)}/return`, reason === "" ? {} : { reason });
export const open = (id: string, reason: string): Promise<unknown> => post(`${talk(id)}/open`, { reason });
export const take = (id: string): Promise<void> => post(`${talk(id)}/take`);
export const read = (id: string, seq: number): Promise<void> => post(`${talk(id)}/read`, { seq });
export const saveDraft = (id: string, text: string): Promise<void> => put(`${talk(id)}/draft`, { text });

export interface NextStep {
  text: string;
  by: string;
  at: string;
}

export interface Resolution extends Partial<Result> {
  solution: string;
  category_id?: string;
  next_step?: NextStep;
}

export const resolve = (id: string, resolution: Resolution): Promise<void> => post(`${talk(id)}/resolve`, resolution);

export const uploadAttachment = (file: File, progress: (share: number) => void): Promise<Attachment> =>
  upload<Attachment>("/api/v1/desk/attachments", file, progress);
export const attachmentPath = (id: string): string =>
  `/api/v1/desk/attachments/${encodeURIComponent(id)}${queryString({ slot: ownSlot() })}`;

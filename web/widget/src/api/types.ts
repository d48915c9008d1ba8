/** What travels between the widget and the gateway; CONTRACT.md says what each field promises. */

export type Author = "customer" | "bot" | "agent" | "system";
export type Kind = "text" | "choice" | "image" | "video" | "file" | "card" | "notice";
export type Mode = "bot" | "waiting" | "agent";
export type Rating = 1 | 2 | 3 | 4;

export interface Choice {
  readonly id: string;
  readonly label: string;
}

/** 转人工: understood by the server at any time, offered or not. */
export const CHOICE_HUMAN = "human";

export interface ArticleLink {
  readonly article_id: string;
  readonly title: string;
  readonly url: string;
}

export interface Attachment {
  readonly attachment_id: string;
  readonly kind: "image" | "video" | "file";
  readonly name: string;
  readonly bytes: number;
  readonly width?: number | null;
  readonly height?: number | null;
}

export interface Message {
  readonly seq: number;
  readonly author: Author;
  readonly kind: Kind;
  readonly text: string;
  readonly html?: string | null;
  readonly choices?: readonly Choice[] | null;
  readonly articles?: readonly ArticleLink[] | null;
  readonly attachment?: Attachment | null;
  readonly at: string;
  readonly client_message_id?: string | null;
  readonly payload?: { readonly type: string } | null;
  readonly answer?: boolean | null;
  readonly helpful?: boolean | null;
  readonly agent_name?: string | null;
}

export interface ChatState {
  readonly version: number;
  readonly mode: Mode;
  readonly queue_position: number | null;
  readonly eta_s: number | null;
  readonly agent_name: string | null;
  readonly ticket_serial: string | null;
  readonly survey?: { readonly ticket_serial: string } | null;
  readonly contact_wanted?: boolean | null;
  readonly unread_tickets?: number | null;
  readonly executive?: { readonly ticket_serial: string } | null;
  readonly privacy_url?: string | null;
  readonly read_seq?: number | null;
}

export interface Config {
  readonly name: string;
  readonly greeting: string;
  readonly hot: readonly Choice[];
  readonly privacy_url: string | null;
  readonly languages: readonly string[];
}

export interface SessionReply {
  readonly token: string;
  readonly visitor_id: string;
  readonly conversation_id: string;
  readonly last_seq: number;
}

export interface Page {
  readonly messages: readonly Message[];
  readonly has_more: boolean;
  readonly state: ChatState;
}

export type Profile = Partial<
  Record<
    | "page_url"
    | "page_title"
    | "language"
    | "timezone"
    | "screen"
    | "browser"
    | "device_model"
    | "system_version"
    | "network_kind",
    string
  >
>;

export interface SessionRequest {
  readonly channel_key: string;
  readonly visitor_id?: string;
  readonly identity?: string;
  readonly profile?: Profile;
}

/** The three things that a customer can send. */
export type Body = { readonly text: string } | { readonly choice: string } | { readonly attachment_id: string };

export type Frame =
  | { readonly type: "message"; readonly message: Message }
  | { readonly type: "state"; readonly state: ChatState }
  | { readonly type: "typing"; readonly author: "agent" | "bot"; readonly on: boolean }
  | { readonly type: "read"; readonly seq: number }
  | { readonly type: "pong" };

export type ClientFrame =
  | { readonly type: "typing"; readonly on: boolean }
  | { readonly type: "read"; readonly seq: number }
  | { readonly type: "ping" };

export type TicketState =
  | "new"
  | "in_progress"
  | "waiting_customer"
  | "to_report"
  | "resolved"
  | "closed"
  | "self_solved"
  | "merged";

export interface TicketLine {
  readonly serial: string;
  readonly title: string;
  readonly state: TicketState;
  readonly next_step: string | null;
  readonly updated_at: string;
  /** How many messages the customer has not seen. */
  readonly unread?: number | null;
}

export interface TicketEvent {
  readonly at: string;
  readonly kind: "customer" | "bot" | "agent" | "system";
  readonly text: string;
  readonly name?: string | null;
  readonly attachment?: Attachment | null;
}

/** 直接找负责人: whether it may be asked for, and how it stands. */
export interface HeadState {
  readonly allowed: boolean;
  readonly name: string | null;
  readonly asked_at: string | null;
  readonly due_at: string | null;
  readonly answered_at: string | null;
}

export interface TicketDetail extends TicketLine {
  readonly history: readonly TicketEvent[];
  readonly survey?: { readonly rating: Rating; readonly solved: boolean } | null;
  readonly executive?: HeadState | null;
  /** What the house noted and lets its customer see. */
  readonly fields?: readonly { readonly label: string; readonly value: string }[];
}

/** What a customer can do with a ticket besides rating it. */
export type TicketAct = "messages" | "reopen" | "close" | "executive";
export interface TicketBody {
  readonly text?: string;
  readonly attachment_id?: string;
}

export interface SurveyAnswer {
  readonly rating: Rating;
  readonly solved: boolean;
  readonly text?: string;
  /** 0–10: how likely they recommend us. */
  readonly recommend?: number;
}

export interface Contact {
  readonly phone?: string;
  readonly email?: string;
  readonly consent: true;
}

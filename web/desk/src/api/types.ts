/** What travels between the desk and the gateway. Times are RFC 3339 in UTC; `null` means "none", absence means the same. */

import type { TicketLoop } from "./guests";
import type { TicketMatter } from "./matters";
import type { Panel } from "./playbooks";
import type { SlaMark, SlaView } from "./sla";

export type ChannelKind = "web" | "wechat" | "weibo" | "wecom" | "mail" | "phone";
export type Mode = "bot" | "waiting" | "agent";
export type Author = "customer" | "bot" | "agent" | "system";
export type MessageKind = "text" | "choice" | "image" | "video" | "file" | "card" | "notice" | "note";
export type Delivery = "none" | "pending" | "sending" | "sent" | "failed" | "dropped" | "held";
export type PresenceStatus = "online" | "busy" | "away" | "offline";
export type TicketState =
  | "new" | "in_progress" | "waiting_customer" | "to_report" | "resolved" | "closed" | "self_solved" | "merged";

export interface Page<T> {
  items: T[];
  next?: string | null;
}

export interface Named {
  id: string;
  name: string;
}

export interface Staff {
  id: string;
  name: string;
  display_name: string;
  roles: string[];
  permissions: string[];
  teams: Named[];
  must_change_password?: boolean;
  must_accept_agreement?: boolean;
  totp?: boolean;
}

export interface Session {
  staff: Staff;
  csrf: string;
  slot: number;
  demo: boolean;
  version: string;
}

export interface Presence {
  status: PresenceStatus;
  reason?: string | null;
  capacity: number;
  load?: number;
  since?: string | null;
}

export interface QueueItem {
  handoff_id: string;
  conversation_id: string;
  customer_name: string;
  channel_kind: ChannelKind;
  team_id: string;
  team_name: string;
  reason: string;
  reason_text: string;
  priority: number;
  last_text: string;
  waiting_since: string;
  position: number;
  ticket_serial: string | null;
  title: string | null;
  emotion?: number | null;
}

export interface Queue {
  items: QueueItem[];
  online: number;
  longest_wait_s: number;
}

export type InboxView = "mine" | "waiting" | "team" | "all";

export interface ConversationRow {
  conversation_id: string;
  customer_name: string;
  channel_kind: ChannelKind;
  mode: Mode;
  agent_id: string | null;
  agent_name: string | null;
  last_text: string;
  last_at: string | null;
  unread: number;
  waiting_since: string | null;
  ticket_serial: string | null;
  ticket_state: TicketState | null;
  priority: number;
  emotion?: number | null;
}

export interface Attachment {
  attachment_id: string;
  kind: "image" | "video" | "voice" | "file";
  name: string;
  bytes: number;
  width?: number | null;
  height?: number | null;
}

export interface ArticleLink {
  article_id: string;
  title: string;
  url?: string | null;
}

export interface Choice {
  id: string;
  label: string;
}

export interface MessagePayload {
  choices?: Choice[];
  articles?: ArticleLink[];
  attachment?: Attachment | null;
  card?: Record<string, unknown> | null;
}

export interface TriedArticle {
  article_id: string;
  title?: string;
  probability?: number | null;
  score?: number | null;
}

export interface ExchangeBrief {
  intent: string | null;
  confidence: number | null;
  decision: string | null;
  articles: TriedArticle[];
}

export interface DeskMessage {
  id: string;
  seq: number | null;
  author: Author;
  kind: MessageKind;
  text: string;
  html?: string | null;
  payload: MessagePayload;
  staff_name: string | null;
  delivery: Delivery;
  delivery_error_text?: string | null;
  at: string;
  exchange?: ExchangeBrief | null;
  client_message_id?: string | null;
  helpful?: boolean | null;
}

export interface MaskedIdentity {
  channel_kind: ChannelKind;
  external_masked: string;
  proven: boolean;
}

export interface Tag {
  tag: string;
  reason?: string | null;
}

export interface Customer {
  id: string;
  name: string;
  level: string;
  profile: Record<string, string>;
  tags: (string | Tag)[];
  phone_masked: string | null;
  email_masked: string | null;
  identities: MaskedIdentity[];
}

export interface ChannelLimits {
  window_until?: string | null;
  max_chars?: number | null;
  /** Whether `max_chars` counts bytes of UTF-8, as some platforms do. */
  in_bytes?: boolean;
  /** How many messages the platform takes until the customer writes again; null or absent: any number. */
  messages_left?: number | null;
  /** Whether pictures can be sent there; absent: yes. */
  files?: boolean;
}

export interface HandoffView {
  id: string;
  reason: string;
  reason_text: string;
  state: string;
  packet: Record<string, unknown>;
}

export interface EarlierMatter {
  serial: string;
  title: string;
  state: TicketState;
  at: string;
}

export interface ConversationDetail {
  conversation: {
    id: string;
    mode: Mode;
    epoch: number;
    channel_kind: ChannelKind;
    channel_name: string;
    agent_id: string | null;
    agent_name: string | null;
    customer_read_seq?: number | null;
    limits: ChannelLimits;
  };
  customer: Customer;
  ticket: TicketBrief | null;
  handoff: HandoffView | null;
  messages: DeskMessage[];
  has_more: boolean;
  draft: string | null;
  earlier: EarlierMatter[];
}

export interface TicketBrief {
  id: string;
  serial: string;
  title: string;
  state: TicketState;
  state_text: string;
  tier: number;
  priority: number;
  category_id: string | null;
  category_name: string | null;
  team_id: string | null;
  team_name: string | null;
  assignee_id: string | null;
  assignee_name: string | null;
  channel_kind: ChannelKind;
  customer_name: string;
  updated_at: string;
  created_at: string;
  next_step: string | null;
  next_step_at: string | null;
  overdue: boolean;
  /** The promise that ends first, or null when none runs. */
  sla?: SlaMark | null;
  review_wanted: boolean;
  reopened_count: number;
  rating?: number | null;
  version?: number;
  /** Where the words of a search stand in the title … */
  marks?: [number, number][];
  /** … or in a piece of the description. */
  snippet?: { text: string; marks: [number, number][] } | null;
  /** Outside one's teams: little more than number and state is told. */
  outside?: boolean;
}

export interface TicketEvent {
  number: number;
  at: string;
  actor: string;
  actor_name: string | null;
  kind: string;
  kind_text: string;
  text: string;
  old: string | null;
  new: string | null;
  changes?: { name: string; old: string | null; new: string }[];
}

export interface TicketExchange {
  id: string;
  at: string;
  text: string;
  intent: string | null;
  confidence: number | null;
  decision: string | null;
  answered_by: string | null;
  latency_ms: number | null;
  articles: TriedArticle[];
}

export interface Survey {
  round: number;
  sent_at: string | null;
  answered_at: string | null;
  rating: number | null;
  solved: boolean | null;
  text: string | null;
}

export interface TicketDetail extends TicketBrief, TicketMatter, TicketLoop {
  playbook?: Panel | null;
  sla?: SlaView | null;
  version: number;
  result_kind: string | null;
  next_step_by: string | null;
  description: string;
  fields: Record<string, string>;
  solution: string | null;
  escalated_to: string | null;
  escalation_summary: string | null;
  person_wanted_at: string | null;
  first_received_at: string | null;
  resolved_at: string | null;
  closed_at: string | null;
  close_ground: string | null;
  customer: Customer;
  conversation_id: string | null;
  conversation_mode: Mode | null;
  events: TicketEvent[];
  exchanges: TicketExchange[];
  messages: DeskMessage[];
  surveys: Survey[];
  allowed: string[];
}

export interface Category {
  id: string;
  name: string;
  team_id?: string | null;
  children?: Category[];
}

export interface MyDay {
  counts: Record<"conversations" | "waiting_for_me" | "line" | "tickets" | "due" | "overdue" | "reopened", number>;
  due: TicketBrief[];
  reopened: TicketBrief[];
  waiting: ConversationRow[];
}

/** What staff bring in: tickets by hand for somebody found or new, and whole sheets. */
import { get, post, upload } from "./client";
import type { Page, TicketBrief, TicketState } from "./types";

export const SOURCES = ["phone", "wechat_group", "qq_group", "social", "forum", "live_room", "in_person", "mail", "other"] as const;
export type Source = (typeof SOURCES)[number];

export interface NewTicket {
  title: string;
  description: string;
  channel_kind: Source;
  source_url?: string;
  source_text?: string;
  category_id?: string;
  team_id?: string;
  priority?: number;
  customer_id?: string;
  customer_name?: string;
  phone?: string;
  email?: string;
  consent?: boolean;
  fields?: Record<string, string>;
  attachments?: string[];
  received_at?: string;
  take?: boolean;
}

export interface OpenMatter {
  serial: string;
  title: string;
  state: TicketState;
  state_text: string;
  updated_at: string;
}

export interface FoundCustomer {
  id: string;
  name: string;
  level: string;
  account_masked: string | null;
  phone_masked: string | null;
  email_masked: string | null;
  since: string;
  open: OpenMatter[];
}

export interface Suggestion {
  category_id: string;
  category_name: string;
  team_id: string;
  team_name: string | null;
}

export interface Fault {
  row: number;
  column: string;
  text: string;
  value: string;
  is_error: boolean;
}

export interface Import {
  id: string;
  name: string;
  encoding: string;
  state: "ready" | "running" | "stopped" | "done";
  total: number;
  position: number;
  made: number;
  known: number;
  refused: number;
  faults: Fault[];
  created_by_name: string;
  created_at: string;
  done_at: string | null;
}

export interface ImportRow {
  row: number;
  title: string;
  name: string | null;
  phone_masked: string | null;
  email_masked: string | null;
  source: string;
  category_id: string | null;
  priority: number;
  received_at: string | null;
}

export interface Preview {
  encoding: string;
  total: number;
  ready: number;
  known: number;
  refused: number;
  columns: { header: string; field: string | null }[];
  faults: Fault[];
  faults_total: number;
  rows: ImportRow[];
}

export const create = (fresh: NewTicket): Promise<TicketBrief> => post<TicketBrief>("/api/v1/tickets", fresh);
export const findCustomers = (q: string): Promise<Page<FoundCustomer>> => get<Page<FoundCustomer>>("/api/v1/intake/customers", { q });
export const customerLink = (serial: string): Promise<{ url: string }> => post<{ url: string }>(`/api/v1/tickets/${encodeURIComponent(serial)}/link`);
export const suggest = (text: string): Promise<Suggestion> => post<Suggestion>("/api/v1/intake/suggestion", { text });

export const imports = (): Promise<Page<Import>> => get<Page<Import>>("/api/v1/imports");
export const oneImport = (id: string): Promise<Import> => get<Import>(`/api/v1/imports/${encodeURIComponent(id)}`);
export const moveImport = (id: string, action: "start" | "stop"): Promise<Import> => post<Import>(`/api/v1/imports/${encodeURIComponent(id)}`, { action });
export const addImport = (file: File, progress: (share: number) => void): Promise<Import & { preview: Preview }> => upload("/api/v1/imports", file, progress);

/** People, teams, channels, keys and the audit trail. */
import { get, patch, post, remove } from "./client";
import type { Named, Page } from "./types";

export interface Person {
  id: string;
  name: string;
  display_name: string;
  roles: string[];
  teams: string[];
  skills: string[];
  disabled: boolean;
  totp?: boolean;
  demo?: boolean;
  created_at?: string;
}

export interface PersonChange {
  display_name?: string;
  roles?: string[];
  teams?: string[];
  skills?: string[];
  disabled?: boolean;
  password?: string;
}

export interface NewPerson {
  name: string;
  display_name: string;
  password: string;
  roles: string[];
  teams: string[];
  skills: string[];
}

export interface Team extends Named {
  members?: Named[];
}

export interface ApiKey {
  id: string;
  name: string;
  role: string;
  created_at: string;
  used_at: string | null;
  revoked: boolean;
}

export interface Channel {
  id: string;
  key: string;
  kind: string;
  name: string;
  sites: string[];
  /** What may be shown of its account; secrets only as set or not. */
  config: Record<string, string>;
  secrets: Record<string, boolean>;
  greeting: string;
  privacy_url: string;
  disabled: boolean;
  webhook: string | null;
}

export interface ChannelChange {
  name?: string;
  sites?: string[];
  disabled?: boolean;
  config?: Record<string, string>;
  greeting?: string;
  privacy_url?: string;
}

export interface NewChannel extends Omit<ChannelChange, "name" | "disabled"> {
  kind: string;
  key: string;
  name: string;
}

export interface AuditEntry {
  number: number;
  at: string;
  actor: string;
  actor_name: string | null;
  action: string;
  object: string | null;
  data: Record<string, unknown>;
}

export const staff = (): Promise<Page<Person>> => get<Page<Person>>("/api/v1/staff");
export const addPerson = (fresh: NewPerson): Promise<{ id: string }> => post<{ id: string }>("/api/v1/staff", fresh);
export const changePerson = (id: string, what: PersonChange): Promise<unknown> =>
  patch(`/api/v1/staff/${encodeURIComponent(id)}`, what);
export const teams = (): Promise<Page<Team>> => get<Page<Team>>("/api/v1/teams");

export const keys = (): Promise<Page<ApiKey>> => get<Page<ApiKey>>("/api/v1/keys");
export const addKey = (name: string, role: string): Promise<{ id: string; key: string }> =>
  post<{ id: string; key: string }>("/api/v1/keys", { name, role });
export const revokeKey = (id: string): Promise<void> => remove(`/api/v1/keys/${encodeURIComponent(id)}`);

export const channels = (): Promise<Page<Channel>> => get<Page<Channel>>("/api/v1/channels");
export const addChannel = (fresh: NewChannel): Promise<Channel> =>
  post<Channel>("/api/v1/channels", fresh);
export const changeChannel = (id: string, what: ChannelChange): Promise<unknown> =>
  patch(`/api/v1/channels/${encodeURIComponent(id)}`, what);

export const audit = (cursor?: number): Promise<{ items: AuditEntry[]; next: number | null }> =>
  get("/api/v1/audit", { cursor });

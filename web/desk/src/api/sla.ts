/** What is promised, when teams work, and the robots that hear of it. */
import { get, patch, post, put, remove, type Query } from "./client";
import type { Page } from "./types";

export type ClockKind = "confirm" | "first_response" | "next_response" | "resolution" | "conclusion" | "next_step";
export type ClockStanding = "running" | "warning" | "broken" | "paused";

/** What a list shows: the promise that ends first; a ticket on which none runs has none. */
export interface SlaMark {
  clock: ClockKind | null;
  due_at: string | null;
  state: ClockStanding | null;
}

export interface Clock {
  kind: ClockKind;
  kind_text: string;
  round: number;
  state: ClockStanding | "kept" | "dropped";
  runs: boolean;
  started_at: string;
  due_at: string | null;
  warn_at: string | null;
  breached_at: string | null;
  stopped_at: string | null;
  told_at: string | null;
  limit_s: number;
  spent_s: number;
  policy: string | null;
}

/** What the ticket's own page shows: the same, and every clock there ever was. */
export interface SlaView extends SlaMark {
  clocks: Clock[];
}

export interface Limit {
  limit_s: number;
  warn_s: number | null;
}

export interface Match {
  categories: string[];
  priorities: number[];
  channels: string[];
  levels: string[];
  tiers: number[];
}

export interface PolicyDraft {
  name: string;
  enabled: boolean;
  match: Match;
  limits: Partial<Record<ClockKind, Limit>>;
  calendar_id: string | null;
}

export interface Policy extends PolicyDraft {
  id: string;
}

export type Who = "agent" | "senior" | "supervisor" | "expert" | "head";

export interface ChainStep {
  who: Who;
  after_s: number;
}

export interface Promises {
  policies: Policy[];
  kinds: ClockKind[];
  chain: ChainStep[];
  who: Who[];
  head_id: string | null;
  tell: ClockKind[];
  tellable: ClockKind[];
}

export interface Tried {
  kind: ClockKind;
  due_at: string | null;
  warn_at: string | null;
  policy: string | null;
}

export type Hours = Record<string, [string, string][]>;

export interface CalendarDraft {
  name: string;
  timezone: string;
  hours: Hours;
  holidays: string[];
  workdays: string[];
}

export interface WorkCalendar extends CalendarDraft {
  id: string;
  team_ids: string[];
}

export interface Calendars {
  items: WorkCalendar[];
  teams: { id: string; name: string; calendar_id: string }[];
  /** The year whose days off somebody still has to enter. */
  missing_year: number | null;
}

export type RobotKind = "wecom" | "dingtalk" | "feishu";
export type Topic = "warning" | "breach" | "alarm";

export interface Robot {
  id: string;
  name: string;
  kind: RobotKind;
  host: string;
  signed: boolean;
  topics: Topic[];
  team_ids: string[];
  enabled: boolean;
}

export interface RobotDraft {
  name: string;
  url: string;
  secret: string;
  topics: Topic[];
  team_ids: string[];
}

export interface RobotLine {
  id: string;
  topic: Topic | "test";
  title: string;
  lines: string[];
  state: "pending" | "sent" | "failed";
  attempts: number;
  error: string | null;
  created_at: string;
  sent_at: string | null;
  next_at: string | null;
}

const at = (path: string, id: string): string => `/api/v1/${path}/${encodeURIComponent(id)}`;

export const promises = (): Promise<Promises> => get("/api/v1/sla");
export const addPolicy = (draft: PolicyDraft): Promise<Policy> => post("/api/v1/sla/policies", draft);
export const changePolicy = (id: string, draft: PolicyDraft): Promise<Policy> => put(at("sla/policies", id), draft);
export const removePolicy = (id: string): Promise<void> => remove(at("sla/policies", id));
export const orderPolicies = (ids: readonly string[]): Promise<void> => put("/api/v1/sla/order", { ids });
export const changeChain = (what: Pick<Promises, "chain" | "head_id" | "tell">): Promise<void> => put("/api/v1/sla/chain", what);
export const tryOut = async (query: Query): Promise<Tried[]> => (await get<{ items: Tried[] }>("/api/v1/sla/try", query)).items;

export const calendars = (): Promise<Calendars> => get("/api/v1/calendars");
export const addCalendar = (draft: CalendarDraft): Promise<WorkCalendar> => post("/api/v1/calendars", draft);
export const changeCalendar = (id: string, draft: CalendarDraft): Promise<void> => put(at("calendars", id), draft);
export const removeCalendar = (id: string): Promise<void> => remove(at("calendars", id));
export const importDays = (id: string, year: number, text: string): Promise<Pick<CalendarDraft, "holidays" | "workdays">> =>
  post(`${at("calendars", id)}/days`, { year, text });
export const giveCalendar = (teamId: string, calendarId: string): Promise<void> =>
  put(`${at("teams", teamId)}/calendar`, { calendar_id: calendarId });

export const robots = (): Promise<Page<Robot>> => get("/api/v1/robots");
export const addRobot = (draft: RobotDraft & { kind: RobotKind }): Promise<Robot> => post("/api/v1/robots", draft);
export const changeRobot = (id: string, what: Partial<RobotDraft> & { enabled?: boolean }): Promise<Robot> => patch(at("robots", id), what);
export const removeRobot = (id: string): Promise<void> => remove(at("robots", id));
export const testRobot = (id: string): Promise<RobotLine> => post(`${at("robots", id)}/test`);
export const robotLog = (id: string): Promise<Page<RobotLine>> => get(`${at("robots", id)}/log`);

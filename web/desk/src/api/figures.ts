/** The figures: overview, cuts, faults, what is behind one, targets, files. */
import { fetchFile, get, put, queryString, remove } from "./client";
import type { TicketBrief } from "./types";

export type Unit = "count" | "share" | "seconds" | "score";
export type Group = "volume" | "speed" | "solving" | "content" | "self" | "promise";

export interface Figure {
  id: string;
  group: Group;
  name: string;
  /** The formula in words. */
  how: string;
  unit: Unit;
  better: "high" | "low" | "neither";
  value: number | null;
  over: number;
  of: number | null;
  target: number | null;
  delivered_target: number | null;
  /** Somebody here set the target. */
  target_own: boolean;
  met: boolean | null;
  before: number | null;
  trend: (number | null)[];
}

export interface Share {
  key: string;
  name?: string;
  count: number;
}

export interface Period {
  kind: string;
  from: string;
  to: string;
  before_from: string;
  before_to: string;
  bucket: "day" | "week" | "month";
}

export interface Question {
  article_id: string;
  title: string;
  count: number;
  solved: number;
  people: number;
  before: number;
}

export interface Overview {
  period: Period;
  /** Tickets whose facts are still being counted. */
  counting: number;
  made_at: string;
  figures: Figure[];
  buckets: string[];
  volume: { bucket: string; tier_1: number; tier_2: number; tier_3: number }[];
  shares: Record<"channel" | "category" | "team" | "reason", Share[]>;
  /** Monday first, each with 24 hours. */
  hours: number[][];
  funnel: Share[];
  endings: Share[];
  questions: Question[];
}

export interface CutRow {
  key: string;
  name: string;
  values: Record<string, number | null>;
}

export type FaultDimension = "city" | "provider" | "device" | "app_version";
export type Fault = Record<FaultDimension, string> & { count: number; people: number };
export type Choices = Record<"channel" | "team" | "agent" | "category" | "merchant" | "live_room", { key: string; name: string }[]>;
export type Query = Readonly<Record<string, string | undefined>>;

/** Whose tickets are asked for. */
export interface Behind {
  figure: string;
  name: string;
  misses: boolean;
  query: Query;
}

export const overview = (query: Query): Promise<Overview> => get<Overview>("/api/v1/figures/overview", query);
export const cut = (query: Query, by: string): Promise<CutRow[]> =>
  get<{ items: CutRow[] }>("/api/v1/figures/cut", { ...query, by }).then((read) => read.items);
export const faults = (query: Query): Promise<Fault[]> =>
  get<{ items: Fault[] }>("/api/v1/figures/faults", query).then((read) => read.items);
export const choices = (): Promise<Choices> => get<Choices>("/api/v1/figures/choices");
export const behind = (query: Query, figure: string, misses: boolean): Promise<{ total: number; items: TicketBrief[] }> =>
  get("/api/v1/figures/tickets", { ...query, figure, misses: misses ? "1" : undefined });
export const setTarget = (figure: string, target: number | null): Promise<void> => put(`/api/v1/figures/targets/${figure}`, { target });
export const resetTarget = (figure: string): Promise<void> => remove(`/api/v1/figures/targets/${figure}`);
/** An address of the file within this page; give it back with URL.revokeObjectURL. */
export const file = (query: Query, format: "csv" | "xlsx", table?: string): Promise<string> =>
  fetchFile(`/api/v1/figures/file${queryString({ ...query, format, table })}`);

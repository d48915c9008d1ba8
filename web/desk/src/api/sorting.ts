/** What waits to be sorted, the tree as editors see it, and versions of the classifier. */
import { get, patch, post, remove } from "./client";
import type { TicketBrief } from "./types";

export interface Suggestion {
  category_id: string;
  category_name: string;
  probability: number;
}

export interface Waiting extends TicketBrief {
  version: number;
  description: string;
  said: string[];
  fields: Record<string, string>;
  first_received_at: string;
  suggestions: Suggestion[];
}

export interface SortingQueue {
  items: Waiting[];
  waiting: number;
  sorted_today: number;
}

export interface EditedCategory {
  id: string;
  name: string;
  team_id: string;
  keywords: string[];
  signs: string[];
  archived: boolean;
  tickets: number;
  children: EditedCategory[];
}

export interface CategoryWish {
  name?: string;
  team_id?: string;
  keywords?: string[];
  signs?: string[];
  position?: number;
  archived?: boolean;
}

export interface Quality {
  examples: number;
  corrected: number;
  agreed: number;
  seeded: number;
  accuracy: number;
  macro_f1: number;
  threshold: number;
  coverage: number;
  right_when_sure: number;
  words_alone: { accuracy: number; coverage: number; right_when_sure: number };
  exam: { rows: number; candidate: number; present: number | null };
  categories: { id: string; name: string; examples: number; precision: number; recall: number; f1: number }[];
}

export interface ClassifierVersion {
  number: number;
  made_at: string;
  made_by: string;
  vectors: boolean;
  active: boolean;
  activated_at: string | null;
  reason: string;
  report: Quality;
}

export interface Classifiers {
  corrections_since: number;
  retrain_after: number;
  training: boolean;
  versions: ClassifierVersion[];
}

export interface Trial {
  category_id: string;
  category_name: string;
  way: "chosen" | "words" | "model" | "weak_words" | "nothing";
  suggestions: Suggestion[];
}

export const queue = (): Promise<SortingQueue> => get<SortingQueue>("/api/v1/sorting/queue", { limit: 50 });
export const sort = (serial: string, version: number, categoryId: string): Promise<TicketBrief & { version: number }> =>
  post(`/api/v1/tickets/${encodeURIComponent(serial)}/category`, { version, category_id: categoryId });
export const tryWords = (text: string): Promise<Trial> => post("/api/v1/sorting/try", { text });

export const tree = async (): Promise<EditedCategory[]> => (await get<{ items: EditedCategory[] }>("/api/v1/categories/editor")).items;
export const add = (wish: CategoryWish & { name: string; team_id: string; parent_id?: string }): Promise<{ id: string }> =>
  post("/api/v1/categories", wish);
export const change = (id: string, wish: CategoryWish): Promise<void> => patch(`/api/v1/categories/${encodeURIComponent(id)}`, wish);

export const classifiers = (): Promise<Classifiers> => get<Classifiers>("/api/v1/sorting/classifiers");
export const train = (): Promise<unknown> => post("/api/v1/sorting/classifiers");
export const activate = (number: number): Promise<void> => post(`/api/v1/sorting/classifiers/${number}/activate`);
export const deactivate = (): Promise<void> => remove("/api/v1/sorting/classifiers/active");

/** The few figures behind 报表. */
import { get } from "./client";

export interface DayVolume {
  day: string;
  total: number;
  by_tier?: Record<string, number>;
}

export interface Share {
  key: string;
  name?: string;
  count: number;
}

export interface Overview {
  days: number;
  per_day: DayVolume[];
  per_channel: Share[];
  per_state: Share[];
  per_tier: Share[];
  per_category: Share[];
  ratings: Share[];
  /** Monday first, each with 24 hours. */
  hour_of_week: number[][];
  targets: Record<"tier_1" | "tier_2" | "tier_3" | "content", number>;
}

export const overview = (days: number): Promise<Overview> => get<Overview>("/api/v1/figures/overview", { days });

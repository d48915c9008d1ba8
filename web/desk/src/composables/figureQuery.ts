/** Period, filters and view of the figures in the address, so that a link shows the same picture. */
import { computed, type ComputedRef } from "vue";
import { useRoute, useRouter } from "vue-router";
import type { Query } from "../api/figures";
import { isDay, KINDS, recent, today, type Kind } from "../models/period";

export const FILTERS = ["channel", "team", "agent", "category", "merchant", "live_room", "tier"] as const;
export type FilterName = (typeof FILTERS)[number];
export const VIEWS = ["overview", "spread", "cuts", "faults", "questions"] as const;
export type View = (typeof VIEWS)[number];
const DAYS = 30;

export interface FigureQuery {
  readonly kind: ComputedRef<Kind>;
  readonly at: ComputedRef<string>;
  readonly from: ComputedRef<string>;
  readonly to: ComputedRef<string>;
  readonly view: ComputedRef<View>;
  readonly chosen: ComputedRef<Partial<Record<FilterName, string>>>;
  /** What the gateway is asked with. */
  readonly query: ComputedRef<Query>;
  word(name: string): string | undefined;
  set(change: Record<string, string | undefined>): void;
}

export function useFigureQuery(): FigureQuery {
  const route = useRoute();
  const router = useRouter();
  const word = (name: string): string | undefined => {
    const value = route.query[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const day = (name: string, otherwise: string): string => {
    const value = word(name);
    return isDay(value) ? value : otherwise;
  };
  const kind = computed<Kind>(() => KINDS.find((one) => one === word("period")) ?? "custom");
  const at = computed(() => day("at", today(new Date())));
  const usual = computed(() => recent(DAYS, today(new Date())));
  const from = computed(() => day("from", usual.value.from));
  const to = computed(() => day("to", usual.value.to));
  const view = computed<View>(() => VIEWS.find((one) => one === word("view")) ?? "overview");
  const chosen = computed(() => Object.fromEntries(FILTERS.flatMap((name) => (word(name) ? [[name, word(name)]] : []))) as Partial<Record<FilterName, string>>);
  const query = computed<Query>(() => ({
    period: kind.value,
    ...(kind.value === "custom" ? { from: from.value, to: to.value } : { at: at.value }),
    ...chosen.value,
  }));
  function set(change: Record<string, string | undefined>): void {
    void router.replace({ name: "figures", query: { ...route.query, ...change } });
  }
  return { kind, at, from, to, view, chosen, query, word, set };
}

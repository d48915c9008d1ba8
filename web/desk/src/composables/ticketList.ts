/** The ticket list with its filter in the address, so that back and reload show the same rows. */
import { computed, ref, shallowRef, watch, type ComputedRef, type Ref } from "vue";
import { useRoute, useRouter } from "vue-router";
import * as api from "../api/tickets";
import type { TicketBrief } from "../api/types";
import { gathered, onFrame } from "./live";
import { notifyFailed } from "./notify";
import { useResource, type Resource } from "./resource";

export const FILTERS = ["state", "category", "team", "channel", "priority"] as const;
export type FilterName = (typeof FILTERS)[number];
export const SORTS = ["priority", "updated", "created", "oldest", "due"] as const;
const ROWS_AT_ONCE = 50;
const TYPED_AFTER_MS = 300;

export interface TicketList {
  readonly resource: Resource<TicketBrief[]>;
  readonly view: ComputedRef<api.TicketView>;
  readonly typed: Ref<string>;
  readonly chosen: ComputedRef<Partial<Record<FilterName, string>>>;
  readonly isFiltered: ComputedRef<boolean>;
  readonly sort: ComputedRef<string>;
  readonly isSearch: ComputedRef<boolean>;
  /** Whether one looks beyond one's teams. */
  readonly isOutside: ComputedRef<boolean>;
  /** Which saved view was chosen last. */
  readonly saved: ComputedRef<string | null>;
  /** What is shown now, as a saved view keeps it. */
  readonly filters: ComputedRef<Record<string, string>>;
  readonly next: Ref<string | null>;
  readonly isLoadingMore: Ref<boolean>;
  set(change: Record<string, string | undefined>): void;
  /** Show this and nothing else. */
  show(query: Record<string, string | undefined>): void;
  loadMore(): Promise<void>;
}

export function useTicketList(home: api.TicketView): TicketList {
  const route = useRoute();
  const router = useRouter();
  const word = (name: string): string | undefined => {
    const value = route.query[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const view = computed(() => (word("view") ?? home) as api.TicketView);
  const chosen = computed(() => Object.fromEntries(FILTERS.flatMap((name) => (word(name) ? [[name, word(name)]] : []))) as Partial<Record<FilterName, string>>);
  const typed = ref(word("q") ?? "");
  const next = ref<string | null>(null);
  const isLoadingMore = ref(false);
  const extra = shallowRef<TicketBrief[]>([]);

  const sort = computed(() => word("sort") ?? "");
  const isSearch = computed(() => word("q") !== undefined);
  const isOutside = computed(() => word("outside") === "1" && isSearch.value);
  const saved = computed(() => word("saved") ?? null);
  const filters = computed<Record<string, string>>(() => ({ view: view.value, ...chosen.value, ...(isSearch.value ? { q: word("q") ?? "" } : {}) }));
  const filter = (): api.TicketFilter => ({
    limit: ROWS_AT_ONCE,
    ...filters.value,
    // Beyond one's teams there is no work to sort by view.
    view: isOutside.value ? "all" : view.value,
    ...(isOutside.value ? { outside: "1" } : {}),
    ...(sort.value === "" || isSearch.value ? {} : { sort: sort.value }),
  });
  const resource = useResource(async () => {
    const page = await api.list(filter());
    next.value = page.next ?? null;
    extra.value = [];
    return page.items;
  });

  function set(change: Record<string, string | undefined>): void {
    void router.replace({ name: "tickets", query: { ...route.query, ...change } });
  }

  function show(query: Record<string, string | undefined>): void {
    typed.value = query["q"] ?? "";
    void router.replace({ name: "tickets", query });
  }

  async function loadMore(): Promise<void> {
    if (next.value === null || isLoadingMore.value) return;
    isLoadingMore.value = true;
    try {
      const page = await api.list({ ...filter(), cursor: next.value });
      next.value = page.next ?? null;
      resource.data.value = [...(resource.data.value ?? []), ...page.items];
    } catch (reason) {
      notifyFailed(reason);
    } finally {
      isLoadingMore.value = false;
    }
  }

  let timer = 0;
  watch(typed, (text) => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => set({ q: text.trim() === "" ? undefined : text.trim(), ...(text.trim() === "" ? { outside: undefined } : {}) }), TYPED_AFTER_MS);
  });
  watch(() => JSON.stringify(filter()), () => void resource.load(), { immediate: true });

  // A list that somebody has paged through is not thrown back to its first page by a hint.
  const readSoon = gathered(() => ((resource.data.value?.length ?? 0) <= ROWS_AT_ONCE ? resource.refresh() : undefined), 600);
  onFrame((frame) => {
    if (frame.type === "ticket" || frame.type === "resync") readSoon();
  });

  const isFiltered = computed(() => Object.keys(chosen.value).length > 0 || isSearch.value);
  return { resource, view, typed, chosen, isFiltered, sort, isSearch, isOutside, saved, filters, next, isLoadingMore, set, show, loadMore };
}

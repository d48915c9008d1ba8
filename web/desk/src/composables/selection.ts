/** Which rows are chosen, by serial. A row that leaves the list leaves the choice. */
import { computed, ref, watch, type ComputedRef, type Ref } from "vue";

export interface Selection {
  readonly chosen: Ref<ReadonlySet<string>>;
  readonly isAll: ComputedRef<boolean>;
  toggle(serial: string): void;
  toggleAll(): void;
  clear(): void;
}

export function useSelection(shown: () => readonly string[]): Selection {
  const chosen = ref<ReadonlySet<string>>(new Set());
  const isAll = computed(() => shown().length > 0 && shown().every((serial) => chosen.value.has(serial)));

  function toggle(serial: string): void {
    const next = new Set(chosen.value);
    if (!next.delete(serial)) next.add(serial);
    chosen.value = next;
  }

  const clear = (): void => {
    chosen.value = new Set();
  };
  const toggleAll = (): void => {
    chosen.value = isAll.value ? new Set() : new Set(shown());
  };
  watch(shown, (serials) => {
    if (chosen.value.size > 0) chosen.value = new Set(serials.filter((serial) => chosen.value.has(serial)));
  });
  return { chosen, isAll, toggle, toggleAll, clear };
}

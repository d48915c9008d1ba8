/** The ticket at hand, for whatever below may want to show what is masked in it. */
import { computed, inject, provide, type ComputedRef, type InjectionKey } from "vue";

const SERIAL: InjectionKey<ComputedRef<string | null>> = Symbol("serial");

export function provideSerial(read: () => string | null): void {
  provide(SERIAL, computed(read));
}

export function useSerial(): ComputedRef<string | null> {
  return inject(SERIAL, () => computed(() => null), true);
}

/** Whether a text from the gateway has something masked in it. */
export const isMasked = (text: string | null | undefined): boolean => text?.includes("***") === true;

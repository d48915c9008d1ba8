/** Something read from the gateway, with all the faces it can have on the page. */
import { onScopeDispose, ref, shallowRef, type Ref } from "vue";
import { ApiError } from "../api/client";

/** Faster answers need no skeleton; it would only flicker. */
const SKELETON_AFTER_MS = 200;

export interface Resource<T> {
  readonly data: Ref<T | null>;
  readonly error: Ref<ApiError | null>;
  readonly isLoading: Ref<boolean>;
  readonly isSlow: Ref<boolean>;
  /** Read with skeleton and error face. */
  load(): Promise<void>;
  /** Read again behind the present picture; a failure leaves it standing. */
  refresh(): Promise<void>;
}

export function useResource<T>(read: () => Promise<T>): Resource<T> {
  const data = shallowRef<T | null>(null);
  const error = shallowRef<ApiError | null>(null);
  const isLoading = ref(false);
  const isSlow = ref(false);
  // Answers may overtake each other; only the one asked for last counts.
  let asked = 0;
  let timer = 0;
  onScopeDispose(() => window.clearTimeout(timer));

  async function load(): Promise<void> {
    const mine = ++asked;
    isLoading.value = true;
    window.clearTimeout(timer);
    timer = window.setTimeout(() => (isSlow.value = isLoading.value), SKELETON_AFTER_MS);
    try {
      const read_ = await read();
      if (mine === asked) {
        data.value = read_;
        error.value = null;
      }
    } catch (reason) {
      if (mine === asked) error.value = asApiError(reason);
    } finally {
      if (mine === asked) {
        isLoading.value = false;
        isSlow.value = false;
        window.clearTimeout(timer);
      }
    }
  }

  async function refresh(): Promise<void> {
    if (data.value === null) return load();
    const mine = ++asked;
    try {
      const fresh = await read();
      if (mine === asked) {
        data.value = fresh;
        error.value = null;
      }
    } catch (reason) {
      const told = asApiError(reason);
      if (mine === asked && (told.status === 403 || told.status === 404)) error.value = told;
    } finally {
      if (mine === asked) isLoading.value = false;
    }
  }

  return { data, error, isLoading, isSlow, load, refresh };
}

export function asApiError(reason: unknown): ApiError {
  return reason instanceof ApiError ? reason : new ApiError(0, "unknown", reason instanceof Error ? reason.message : "");
}

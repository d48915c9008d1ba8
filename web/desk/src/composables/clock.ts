/** One ticking now for the whole page, so that a hundred rows share one timer. */
import { ref, type Ref } from "vue";

const TICK_MS = 1_000;
const now = ref(new Date());
let isTicking = false;

export function useNow(): Ref<Date> {
  if (!isTicking) {
    isTicking = true;
    window.setInterval(() => {
      if (!document.hidden) now.value = new Date();
    }, TICK_MS);
  }
  return now;
}

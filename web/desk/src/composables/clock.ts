/** Two ticking nows for the whole page, so that a hundred rows share one timer: by the second for waits, coarser for words. */
import { ref, type Ref } from "vue";

const SECOND_MS = 1_000;
const COARSE_MS = 15_000;

function ticking(everyMs: number): () => Ref<Date> {
  const now = ref(new Date());
  let isTicking = false;
  const tick = (): void => {
    if (!document.hidden) now.value = new Date();
  };
  return () => {
    if (!isTicking) {
      isTicking = true;
      window.setInterval(tick, everyMs);
      document.addEventListener("visibilitychange", tick);
    }
    return now;
  };
}

/** For stopwatches. Whatever reads it is drawn again each second. */
export const useSeconds = ticking(SECOND_MS);
/** For 「3 分钟前」 and for what is late. */
export const useNow = ticking(COARSE_MS);

/** Frames of the stream for as long as a component lives. */
import { onScopeDispose } from "vue";
import type { Frame } from "../api/stream";
import { useLive } from "../stores/live";

export function onFrame(listener: (frame: Frame) => void): void {
  onScopeDispose(useLive().listen(listener));
}

/** Hints come in bursts; one read per `ms` serves them all, a steady stream of them cannot put it off, and the last is never lost. */
export function gathered(work: () => unknown, ms = 250): () => void {
  let timer = 0;
  onScopeDispose(() => window.clearTimeout(timer));
  return () => {
    if (timer !== 0) return;
    timer = window.setTimeout(() => {
      timer = 0;
      void work();
    }, ms);
  };
}

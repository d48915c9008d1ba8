/** Keyboard shortcuts. Single letters work only while no text is being written. */
import { onMounted, onUnmounted } from "vue";

export type Bindings = Readonly<Record<string, (event: KeyboardEvent) => void>>;

/** How long after the first key of a pair (g i) the second still counts. */
const PAIR_WITHIN_MS = 900;

export function useKeys(bindings: Bindings): void {
  let first = "";
  let firstAt = 0;

  function onKeydown(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.isComposing || event.repeat) return;
    const name = nameOf(event);
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (isPlain && (isWriting(event.target) || hasDialog())) return;
    const pair = Date.now() - firstAt < PAIR_WITHIN_MS ? `${first} ${name}` : "";
    const work = bindings[pair] ?? bindings[name];
    first = name;
    firstAt = Date.now();
    if (work === undefined) return;
    event.preventDefault();
    work(event);
  }

  onMounted(() => document.addEventListener("keydown", onKeydown));
  onUnmounted(() => document.removeEventListener("keydown", onKeydown));
}

function nameOf(event: KeyboardEvent): string {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}${key}`;
}

function isWriting(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

function hasDialog(): boolean {
  return document.querySelector(".el-overlay:not([style*='display: none'])") !== null;
}

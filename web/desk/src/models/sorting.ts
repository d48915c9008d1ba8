/** The order of work of whoever sorts: what comes next, what a key means. */

export const KEYS = ["1", "2", "3", "4", "5"] as const;

/** The row to show after one has left the list: the one that took its place, else the last. */
export function nextAfter<T>(items: readonly T[], at: number): number {
  return Math.max(0, Math.min(at, items.length - 1));
}

/** A probability as a person reads it: never 100 % of anything. */
export function percent(probability: number): string {
  const whole = Math.round(probability * 100);
  return whole >= 100 ? ">99%" : whole < 1 ? "<1%" : `${whole}%`;
}

/** Words of a text field, one a line or between commas, each once. */
export function wordsOf(text: string): string[] {
  return [...new Set(text.split(/[\n,,、;;]+/).map((word) => word.trim()).filter((word) => word !== ""))];
}

/** A step or field gets its id from its place; ids that are there stay. */
export function freshId(prefix: string, taken: readonly string[]): string {
  for (let number = taken.length + 1; ; number += 1) {
    const id = `${prefix}_${number}`;
    if (!taken.includes(id)) return id;
  }
}

/** Choices written as lines of `id = label`; a line without an id gets one. */
export function optionsOf(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const [left = "", right] = line.split("=").map((part) => part.trim());
    const label = right ?? left;
    if (label === "") continue;
    const id = right === undefined || !/^[a-z0-9_]+$/.test(left) ? freshId("option", Object.keys(found)) : left;
    found[id] = label;
  }
  return found;
}

export function optionsText(options: Readonly<Record<string, string>> | null): string {
  return Object.entries(options ?? {}).map(([id, label]) => `${id} = ${label}`).join("\n");
}

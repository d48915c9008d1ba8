/** What the charts say, as numbers that a sentence can be made of. */

export interface Peak {
  /** 0 is Monday. */
  readonly weekday: number;
  readonly fromHour: number;
  readonly toHour: number;
  /** How many times an average pair of hours. */
  readonly times: number;
}

const HOURS = 24;
/** Below this a peak is only chance. */
const WORTH_SAYING = 1.5;

/** The busiest two hours of the week against the same two hours on the other days. */
export function busiest(hourOfWeek: readonly (readonly number[])[]): Peak | null {
  let best: Peak | null = null;
  let bestSum = 0;
  hourOfWeek.forEach((hours, weekday) => {
    for (let from = 0; from + 1 < HOURS; from += 1) {
      const sum = (hours[from] ?? 0) + (hours[from + 1] ?? 0);
      if (sum <= bestSum) continue;
      const others = hourOfWeek.filter((_, other) => other !== weekday);
      const elsewhere = others.reduce((all, day) => all + (day[from] ?? 0) + (day[from + 1] ?? 0), 0) / Math.max(1, others.length);
      bestSum = sum;
      best = { weekday, fromHour: from, toHour: from + 2, times: elsewhere === 0 ? sum : sum / elsewhere };
    }
  });
  const found = best as Peak | null;
  return found !== null && found.times >= WORTH_SAYING ? found : null;
}

export interface Counted {
  readonly key: string;
  readonly count: number;
}

export function total(rows: readonly Counted[]): number {
  return rows.reduce((sum, row) => sum + row.count, 0);
}

export function shareOf(rows: readonly Counted[], key: string): number | null {
  const all = total(rows);
  if (all === 0) return null;
  return (rows.find((row) => row.key === key)?.count ?? 0) / all;
}

export function largest<Row extends Counted>(rows: readonly Row[]): Row | null {
  return rows.reduce<Row | null>((top, row) => (top === null || row.count > top.count ? row : top), null);
}

/** How the second half of the days compares with the first: 0.2 means a fifth more. Null when there is nothing to compare. */
export function drift(totals: readonly number[]): number | null {
  const half = Math.floor(totals.length / 2);
  if (half === 0) return null;
  const sum = (part: readonly number[]): number => part.reduce((all, one) => all + one, 0);
  const before = sum(totals.slice(0, half));
  const after = sum(totals.slice(-half));
  return before === 0 ? null : after / before - 1;
}

export function percent(share: number | null, digits = 0): string {
  return share === null ? "–" : `${(share * 100).toFixed(digits)}%`;
}

/** 3:07 or 1:02:09, for waits that run. */
export function stopwatch(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number): string => String(value).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;

/** A duration in the two units that matter, as parts for words: `{key: "minutes", a: 3, b: 20}` is 3 min 20 s. */
export function durationOf(seconds: number): { key: "seconds" | "minutes" | "hours" | "days"; a: string; b: number } {
  const whole = Math.round(seconds);
  if (Math.abs(seconds) < 10) return { key: "seconds", a: String(Math.round(seconds * 10) / 10), b: 0 };
  if (whole < MINUTE) return { key: "seconds", a: String(whole), b: 0 };
  if (whole < HOUR) return { key: "minutes", a: String(Math.floor(whole / MINUTE)), b: whole % MINUTE };
  if (whole < DAY * 2) return { key: "hours", a: String(Math.floor(whole / HOUR)), b: Math.floor((whole % HOUR) / MINUTE) };
  return { key: "days", a: String(Math.floor(whole / DAY)), b: Math.floor((whole % DAY) / HOUR) };
}

/** How a value compares with the period before: in points for shares and scores, else in percent. Null without both. */
export function changeOf(unit: string, value: number | null, before: number | null): { amount: number; isPoints: boolean } | null {
  if (value === null || before === null) return null;
  if (unit === "share") return { amount: (value - before) * 100, isPoints: true };
  if (unit === "score") return { amount: value - before, isPoints: true };
  return before === 0 ? null : { amount: (value / before - 1) * 100, isPoints: false };
}

/** Points of a line through a box; a gap where there is no value. */
export function lineThrough(values: readonly (number | null)[], width: number, height: number, also: number | null = null): { path: string; level: number | null; last: { x: number; y: number } | null } {
  const known = [...values, also].filter((value): value is number => value !== null);
  if (known.length === 0) return { path: "", level: null, last: null };
  const low = Math.min(...known);
  const span = Math.max(...known) - low || 1;
  const y = (value: number): number => Math.round((height - ((value - low) / span) * height) * 10) / 10;
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  let path = "";
  let isDrawing = false;
  let last: { x: number; y: number } | null = null;
  values.forEach((value, at) => {
    if (value === null) {
      isDrawing = false;
      return;
    }
    last = { x: Math.round(at * step * 10) / 10, y: y(value) };
    path += `${isDrawing ? "L" : "M"}${last.x} ${last.y}`;
    isDrawing = true;
  });
  return { path, level: also === null ? null : y(also), last };
}

export interface Matrix {
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly cells: readonly (readonly number[])[];
  readonly highest: number;
}

/** Counts of two of several dimensions, the largest rows and columns first and `last` behind them, at most so many of each. */
export function matrixOf<Key extends string>(facts: readonly (Record<Key, string> & { count: number })[], by: Key, across: Key, last = "", most = 12): Matrix {
  const ranked = (key: Key): string[] => {
    const sums = new Map<string, number>();
    for (const fact of facts) sums.set(fact[key], (sums.get(fact[key]) ?? 0) + fact.count);
    return [...sums].sort((a, b) => Number(a[0] === last) - Number(b[0] === last) || b[1] - a[1] || a[0].localeCompare(b[0], "zh-CN")).slice(0, most).map(([name]) => name);
  };
  const rows = ranked(by);
  const columns = ranked(across);
  const cells = rows.map((row) => columns.map((column) => facts.reduce((sum, fact) => sum + (fact[by] === row && fact[across] === column ? fact.count : 0), 0)));
  return { rows, columns, cells, highest: Math.max(0, ...cells.flat()) };
}

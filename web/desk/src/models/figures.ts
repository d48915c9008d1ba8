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

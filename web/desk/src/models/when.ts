/** Dates as forms want them, always in the service's zone (UTC+8 without summer time), whatever the machine's. */

const ZONE = "+08:00";
const OFFSET_MS = 8 * 3_600_000;
const DAY_MS = 86_400_000;

/** 2026-11-21T18:00, as `<input type="datetime-local">` wants it. */
export function toInput(at: Date): string {
  return new Date(at.getTime() + OFFSET_MS).toISOString().slice(0, 16);
}

/** Back to RFC 3339; null when the field is empty or unfinished. */
export function fromInput(value: string): string | null {
  const at = new Date(`${value}:00${ZONE}`);
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(value) && !Number.isNaN(at.getTime()) ? at.toISOString() : null;
}

/** The field's value for an hour of a day from now: 0 is today. */
export function dayAt(now: Date, daysAhead: number, hour: number): string {
  const day = new Date(now.getTime() + OFFSET_MS + daysAhead * DAY_MS).toISOString().slice(0, 10);
  return `${day}T${String(hour).padStart(2, "0")}:00`;
}

export interface QuickChoice {
  readonly key: "today18" | "tomorrow10" | "tomorrow18" | "in3days";
  readonly value: string;
}

/** What is still ahead, nearest first. */
export function quickChoices(now: Date): QuickChoice[] {
  const all: QuickChoice[] = [
    { key: "today18", value: dayAt(now, 0, 18) },
    { key: "tomorrow10", value: dayAt(now, 1, 10) },
    { key: "tomorrow18", value: dayAt(now, 1, 18) },
    { key: "in3days", value: dayAt(now, 3, 18) },
  ];
  return all.filter((choice) => choice.value > toInput(now));
}

/** 18:03 today, 11-20 18:03 on other days, 2025-11-20 18:03 in other years: what stands between messages. */
export function stamp(at: Date, now: Date): string {
  const own = toInput(at).replace("T", " ");
  const today = toInput(now);
  if (own.slice(0, 10) === today.slice(0, 10)) return own.slice(11);
  return own.slice(0, 4) === today.slice(0, 4) ? own.slice(5) : own;
}

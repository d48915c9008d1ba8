/** A period of local days in the address: read, written, and moved by one. Days are plain YYYY-MM-DD. */

export const KINDS = ["day", "week", "month", "quarter", "custom"] as const;
export type Kind = (typeof KINDS)[number];

const DAY_MS = 86_400_000;
const OFFSET_MS = 8 * 3_600_000;

/** Today in the service's zone, whatever the machine's. */
export function today(now: Date): string {
  return new Date(now.getTime() + OFFSET_MS).toISOString().slice(0, 10);
}

export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

export function isDay(text: unknown): text is string {
  return typeof text === "string" && /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(`${text}T00:00:00Z`));
}

/** A day within the period one before (-1) or after (1) the one that holds `at`. */
export function moved(kind: Exclude<Kind, "custom">, at: string, step: 1 | -1): string {
  if (kind === "day") return addDays(at, step);
  if (kind === "week") return addDays(at, 7 * step);
  const months = kind === "month" ? 1 : 3;
  const [year = 1970, month = 1] = at.split("-").map(Number);
  return new Date(Date.UTC(year, month - 1 + months * step, 1)).toISOString().slice(0, 10);
}

/** Whether a later period would hold nothing yet. */
export function isLast(kind: Exclude<Kind, "custom">, at: string, now: string): boolean {
  if (kind === "day") return at >= now;
  if (kind === "week") return addDays(monday(at), 7) > now;
  return moved(kind, kind === "month" ? at : `${at.slice(0, 5)}${String(Math.floor((Number(at.slice(5, 7)) - 1) / 3) * 3 + 1).padStart(2, "0")}-01`, 1) > now;
}

export function monday(day: string): string {
  const weekday = (new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7;
  return addDays(day, -weekday);
}

/** The last `days` days, today included. */
export function recent(days: number, now: string): { from: string; to: string } {
  return { from: addDays(now, 1 - days), to: now };
}

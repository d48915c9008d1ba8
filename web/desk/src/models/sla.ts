/** Lengths of time as people say them, and how a promise stands at a moment. */
import type { ClockStanding, Hours, SlaMark } from "../api/sla";

const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;

export type Unit = "minutes" | "hours" | "days";
export const UNIT_S: Readonly<Record<Unit, number>> = { minutes: MINUTE, hours: HOUR, days: DAY };

/** The biggest unit in which it is a whole number: 5400 s are 90 minutes, 7200 s are two hours. */
export function inUnits(seconds: number): { n: number; unit: Unit } {
  if (seconds > 0 && seconds % HOUR === 0) return { n: seconds / HOUR, unit: "hours" };
  return { n: Math.round(seconds / MINUTE), unit: "minutes" };
}

export interface Spell {
  key: "seconds" | "minutes" | "hours" | "hoursMinutes" | "days" | "daysHours";
  n: number;
  m: number;
}

/** How long, in the two coarsest units that say enough. */
export function spell(seconds: number): Spell {
  const s = Math.max(0, Math.floor(seconds));
  if (s < MINUTE) return { key: "seconds", n: s, m: 0 };
  if (s < HOUR) return { key: "minutes", n: Math.floor(s / MINUTE), m: 0 };
  const [coarse, fine] = s < DAY ? [HOUR, MINUTE] : [DAY, HOUR];
  const n = Math.floor(s / coarse);
  const m = Math.floor((s % coarse) / fine);
  if (s < DAY) return { key: m === 0 ? "hours" : "hoursMinutes", n, m };
  return { key: m === 0 ? "days" : "daysHours", n, m };
}

/** A page that stays open goes on by itself: what was running when it was read may be broken now. */
export function standing(mark: SlaMark, now: Date): ClockStanding {
  if (mark.due_at !== null && new Date(mark.due_at) <= now) return "broken";
  return mark.state ?? "running";
}

/** Seconds left; below zero when it is late, null while nobody knows. */
export function secondsLeft(mark: SlaMark, now: Date): number | null {
  return mark.due_at === null ? null : (new Date(mark.due_at).getTime() - now.getTime()) / 1_000;
}

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
const SPAN = /^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$/;

/** 「09:00-12:00 13:30-18:00」 as intervals; null when a part of it is none. */
export function readHours(text: string): [string, string][] | null {
  const parts = text.trim().split(/[\s,，、;；]+/).filter((part) => part !== "");
  const spans = parts.map((part) => part.replace(/[~～–—]/g, "-").replaceAll("：", ":"));
  if (!spans.every((span) => SPAN.test(span))) return null;
  return spans.map((span) => span.split("-") as [string, string]);
}

export function writeHours(spans: readonly (readonly [string, string])[] | undefined): string {
  return (spans ?? []).map(([from, to]) => `${from}-${to}`).join(" ");
}

/** The week in a few words: days with the same hours stand together. */
export function weekOf(hours: Hours): { days: string[]; text: string }[] {
  const groups: { days: string[]; text: string }[] = [];
  for (const day of DAYS) {
    const text = writeHours(hours[day]);
    const last = groups.at(-1);
    if (last?.text === text) last.days.push(day);
    else groups.push({ days: [day], text });
  }
  return groups.filter((group) => group.text !== "");
}

/** Days as lines that the import reads: stretches of days off, then worked weekend days. */
export function daysText(holidays: readonly string[], workdays: readonly string[], year: number): string {
  const own = (days: readonly string[]): string[] => days.filter((day) => day.startsWith(`${year}-`)).sort();
  const stretches: [string, string][] = [];
  for (const day of own(holidays)) {
    const last = stretches.at(-1);
    if (last !== undefined && Date.parse(day) - Date.parse(last[1]) === DAY * 1_000) last[1] = day;
    else stretches.push([day, day]);
  }
  const off = stretches.map(([from, to]) => `${from === to ? from : `${from}~${to}`} 休`);
  return [...off, ...own(workdays).map((day) => `${day} 班`)].join("\n");
}

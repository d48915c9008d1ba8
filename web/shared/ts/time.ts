/** Times as people say them, always in the service's zone, never the machine's. */
import type { Language } from "./catalogue";

export const SERVICE_ZONE = "Asia/Shanghai";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

type Style = "exact" | "clock" | "day" | "dayWithYear";

const STYLES: Record<Style, Intl.DateTimeFormatOptions> = {
  exact: { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" },
  clock: { hour: "2-digit", minute: "2-digit" },
  day: { month: "long", day: "numeric" },
  dayWithYear: { year: "numeric", month: "long", day: "numeric" },
};

const formats = new Map<string, Intl.DateTimeFormat>();

function format(at: Date, style: Style, language: Language): string {
  const key = `${style} ${language}`;
  let made = formats.get(key);
  if (made === undefined) {
    made = new Intl.DateTimeFormat(language, { ...STYLES[style], timeZone: SERVICE_ZONE, hourCycle: "h23" });
    formats.set(key, made);
  }
  return made.format(at);
}

/** Whole days since the epoch in the service's zone, which has had no summer time since 1991. */
function dayNumber(at: Date): number {
  return Math.floor((at.getTime() + 8 * HOUR_MS) / DAY_MS);
}

/** 11月21日 18:03, for promises. */
export function dayTime(at: Date, language: Language = "zh-CN"): string {
  return `${format(at, "day", language)} ${format(at, "clock", language)}`;
}

/** 2026-11-21 18:03:05, for titles and tables. */
export function exact(at: Date, language: Language = "zh-CN"): string {
  return format(at, "exact", language).replaceAll("/", "-");
}

/** 18:03 */
export function clock(at: Date, language: Language = "zh-CN"): string {
  return format(at, "clock", language);
}

/** 3 分钟前, 2 小时前, 昨天 18:03, 11月3日, 2025年11月3日. A time ahead of us counts as now. */
export function ago(at: Date, now: Date, language: Language = "zh-CN"): string {
  const zh = language === "zh-CN";
  const passed = now.getTime() - at.getTime();
  if (passed < MINUTE_MS) return zh ? "刚刚" : "just now";
  if (passed < HOUR_MS) {
    const minutes = Math.floor(passed / MINUTE_MS);
    return zh ? `${minutes} 分钟前` : `${minutes} min ago`;
  }
  const days = dayNumber(now) - dayNumber(at);
  if (days === 0) {
    const hours = Math.floor(passed / HOUR_MS);
    return zh ? `${hours} 小时前` : `${hours} h ago`;
  }
  if (days === 1) return zh ? `昨天 ${clock(at, language)}` : `yesterday ${clock(at, language)}`;
  const sameYear = format(at, "dayWithYear", "en").slice(-4) === format(now, "dayWithYear", "en").slice(-4);
  return format(at, sameYear ? "day" : "dayWithYear", language);
}

/** A length in words: 不到 1 分钟, 约 5 分钟, 约 2 小时. */
export function roughly(seconds: number, language: Language = "zh-CN"): string {
  const zh = language === "zh-CN";
  if (seconds < 60) return zh ? "不到 1 分钟" : "less than a minute";
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 60) return zh ? `约 ${minutes} 分钟` : `about ${minutes} min`;
  const hours = Math.ceil(minutes / 60);
  return zh ? `约 ${hours} 小时` : `about ${hours} h`;
}

import { describe, expect, it } from "vitest";
import { addDays, isDay, isLast, monday, moved, recent, today } from "./period";

describe("periods", () => {
  it("knows today in Shanghai", () => {
    expect(today(new Date("2026-11-20T15:59:00Z"))).toBe("2026-11-20");
    expect(today(new Date("2026-11-20T16:01:00Z"))).toBe("2026-11-21");
  });
  it("moves by one, over ends of months and years", () => {
    expect(addDays("2026-02-28", 1)).toBe("2026-03-01");
    expect(moved("day", "2026-01-01", -1)).toBe("2025-12-31");
    expect(moved("week", "2026-11-21", 1)).toBe("2026-11-28");
    expect(moved("month", "2026-01-31", -1)).toBe("2025-12-01");
    expect(moved("quarter", "2026-11-21", -1)).toBe("2026-08-01");
  });
  it("stops at the present", () => {
    expect(isLast("day", "2026-11-21", "2026-11-21")).toBe(true);
    expect(isLast("week", "2026-11-16", "2026-11-21")).toBe(true);
    expect(isLast("week", "2026-11-15", "2026-11-21")).toBe(false);
    expect(isLast("month", "2026-10-31", "2026-11-21")).toBe(false);
    expect(isLast("quarter", "2026-10-05", "2026-11-21")).toBe(true);
    expect(isLast("quarter", "2026-09-30", "2026-11-21")).toBe(false);
  });
  it("reads days and nothing else", () => {
    expect(monday("2026-11-22")).toBe("2026-11-16");
    expect(recent(30, "2026-11-21")).toEqual({ from: "2026-10-23", to: "2026-11-21" });
    expect(isDay("2026-11-21")).toBe(true);
    expect(isDay("2026-13-99")).toBe(false);
    expect(isDay(undefined)).toBe(false);
  });
});

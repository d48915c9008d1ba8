import { expect, it } from "vitest";
import { daysText, inUnits, readHours, secondsLeft, spell, standing, weekOf, writeHours } from "./sla";

it("says lengths in the unit that fits", () => {
  expect(inUnits(180)).toEqual({ n: 3, unit: "minutes" });
  expect(inUnits(5_400)).toEqual({ n: 90, unit: "minutes" });
  expect(inUnits(86_400)).toEqual({ n: 24, unit: "hours" });
  expect(spell(59)).toEqual({ key: "seconds", n: 59, m: 0 });
  expect(spell(3_661)).toEqual({ key: "hoursMinutes", n: 1, m: 1 });
  expect(spell(100_000)).toEqual({ key: "daysHours", n: 1, m: 3 });
  expect(spell(7_200)).toEqual({ key: "hours", n: 2, m: 0 });
  expect(spell(259_200)).toEqual({ key: "days", n: 3, m: 0 });
});

it("sees a promise break while the page is open", () => {
  const mark = { clock: "confirm" as const, due_at: "2026-11-21T02:00:00Z", state: "warning" as const };
  expect(standing(mark, new Date("2026-11-21T01:59:59Z"))).toBe("warning");
  expect(standing(mark, new Date("2026-11-21T02:00:00Z"))).toBe("broken");
  expect(secondsLeft(mark, new Date("2026-11-21T02:01:00Z"))).toBe(-60);
  expect(secondsLeft({ ...mark, due_at: null, state: "paused" }, new Date())).toBeNull();
});

it("reads hours as people write them, and refuses what is none", () => {
  expect(readHours("09:00-12:00 13:30-18:00")).toEqual([["09:00", "12:00"], ["13:30", "18:00"]]);
  expect(readHours("09：00～12：00，13:30-24:00")).toEqual([["09:00", "12:00"], ["13:30", "24:00"]]);
  expect(readHours("")).toEqual([]);
  expect(readHours("9-18")).toBeNull();
  expect(readHours("09:00-25:00")).toBeNull();
  expect(writeHours([["09:00", "12:00"]])).toBe("09:00-12:00");
});

it("puts days with the same hours together", () => {
  const day: [string, string][] = [["09:00", "18:00"]];
  expect(weekOf({ mon: day, tue: day, wed: day, sat: [["10:00", "12:00"]] })).toEqual([
    { days: ["mon", "tue", "wed"], text: "09:00-18:00" },
    { days: ["sat"], text: "10:00-12:00" },
  ]);
});

it("writes a year's days as lines that can be read again", () => {
  const off = ["2026-10-01", "2026-10-02", "2026-10-03", "2026-01-01", "2027-01-01"];
  expect(daysText(off, ["2026-10-10"], 2026)).toBe("2026-01-01 休\n2026-10-01~2026-10-03 休\n2026-10-10 班");
});

import { expect, it } from "vitest";
import { dayAt, fromInput, quickChoices, stamp, toInput } from "./when";

const evening = new Date("2026-11-21T15:30:00Z"); // 23:30 in Shanghai

it("speaks the service's time in forms", () => {
  expect(toInput(evening)).toBe("2026-11-21T23:30");
  expect(fromInput("2026-11-21T23:30")).toBe("2026-11-21T15:30:00.000Z");
  expect(fromInput("")).toBeNull();
  expect(fromInput("2026-11-21")).toBeNull();
});

it("offers only what lies ahead", () => {
  expect(dayAt(evening, 1, 9)).toBe("2026-11-22T09:00");
  expect(quickChoices(evening).map((choice) => choice.key)).toEqual(["tomorrow10", "tomorrow18", "in3days"]);
  expect(quickChoices(new Date("2026-11-21T02:00:00Z"))[0]?.value).toBe("2026-11-21T18:00");
});

it("shortens a time by what is known", () => {
  expect(stamp(new Date("2026-11-21T02:03:00Z"), evening)).toBe("10:03");
  expect(stamp(new Date("2026-11-20T02:03:00Z"), evening)).toBe("11-20 10:03");
  expect(stamp(new Date("2025-11-20T02:03:00Z"), evening)).toBe("2025-11-20 10:03");
});

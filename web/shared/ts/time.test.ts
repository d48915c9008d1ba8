import { expect, it } from "vitest";
import { chooseLanguage, translator } from "./catalogue";
import { ago, clock, exact, roughly } from "./time";

const at = (text: string): Date => new Date(text);

it("says times in the service's zone, whatever the machine's", () => {
  expect(exact(at("2026-11-21T16:03:05Z"))).toBe("2026-11-22 00:03:05");
  expect(clock(at("2026-11-21T16:03:05Z"))).toBe("00:03");
});

it("says how long ago in words", () => {
  const now = at("2026-11-21T12:00:00Z");
  expect(ago(at("2026-11-21T11:59:30Z"), now)).toBe("刚刚");
  expect(ago(at("2026-11-21T12:05:00Z"), now)).toBe("刚刚");
  expect(ago(at("2026-11-21T11:57:00Z"), now)).toBe("3 分钟前");
  expect(ago(at("2026-11-21T09:30:00Z"), now)).toBe("2 小时前");
  expect(ago(at("2026-11-20T15:59:00Z"), now)).toBe("昨天 23:59");
  expect(ago(at("2026-11-03T04:00:00Z"), now)).toBe("11月3日");
  expect(ago(at("2025-11-03T04:00:00Z"), now)).toBe("2025年11月3日");
  expect(ago(at("2026-11-21T11:57:00Z"), now, "en")).toBe("3 min ago");
});

it("rounds a wait up, never down", () => {
  expect(roughly(20)).toBe("不到 1 分钟");
  expect(roughly(61)).toBe("约 2 分钟");
  expect(roughly(3_601)).toBe("约 2 小时");
});

it("chooses Chinese first", () => {
  expect(chooseLanguage([])).toBe("zh-CN");
  expect(chooseLanguage(["zh-TW", "en"])).toBe("zh-CN");
  expect(chooseLanguage(["fr-FR"])).toBe("en");
  expect(chooseLanguage(["en-GB"], ["zh-CN"])).toBe("zh-CN");
});

it("leaves a missing parameter in sight", () => {
  const t = translator({ place: "前面还有 {count} 位" });
  expect(t("place", { count: 3 })).toBe("前面还有 3 位");
  expect(t("place")).toBe("前面还有 {count} 位");
});

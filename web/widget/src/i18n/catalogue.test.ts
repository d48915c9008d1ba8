import { describe, expect, it } from "vitest";
import { en } from "./en";
import { moreEn } from "./more.en";
import { moreZhCN } from "./more.zh-CN";
import { zhCN } from "./zh-CN";

const pairs: [string, Record<string, string>, Record<string, string>][] = [
  ["chat", zhCN, en],
  ["more", moreZhCN, moreEn],
];

const holes = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1] ?? "").sort();

describe.each(pairs)("the %s catalogue", (_name, chinese, english) => {
  it("has the same keys in both languages, none empty", () => {
    expect(Object.keys(english).sort()).toEqual(Object.keys(chinese).sort());
    expect([...Object.values(chinese), ...Object.values(english)].every((text) => text.trim() !== "")).toBe(true);
  });

  it("has the same holes in both languages", () => {
    for (const key of Object.keys(chinese)) expect(holes(english[key] ?? ""), key).toEqual(holes(chinese[key] ?? ""));
  });

  it("is Chinese where it should be", () => {
    for (const [key, text] of Object.entries(english)) expect(/[\u3400-\u9fff]/.test(text), key).toBe(false);
  });
});

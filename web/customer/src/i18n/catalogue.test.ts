import { expect, it } from "vitest";
import { en } from "./en";
import { zhCN } from "./zh-CN";

it("says everything in both languages, with the same holes", () => {
  const holes = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
  expect(Object.keys(en).sort()).toEqual(Object.keys(zhCN).sort());
  for (const [key, text] of Object.entries(zhCN)) {
    const other = en[key as keyof typeof zhCN];
    expect(holes(other), key).toEqual(holes(text));
    expect(/[\u3400-\u9fff]/.test(other), key).toBe(false);
  }
});

import { expect, it } from "vitest";
import { byArea, snippet } from "./articles";

it("groups articles by area and keeps their order", () => {
  const line = (article_id: string, area: string) => ({ article_id, area, title: article_id, updated_at: "2026-11-21T00:00:00Z" });
  const areas = byArea([line("a", "账号"), line("b", "支付"), line("c", "账号")]);
  expect(areas.map((area) => [area.name, area.articles.map((one) => one.article_id)])).toEqual([
    ["账号", ["a", "c"]],
    ["支付", ["b"]],
  ]);
});

it("shows the words of an answer without its marks, cut where a sentence ends", () => {
  expect(snippet("在**设置**里打开[青少年模式](/help/a)。")).toBe("在设置里打开青少年模式。");
  expect(snippet("<p>好</p>")).toBe("好");
  expect(snippet("不用担心。\n\n步骤\n\n1. 打开设置")).toBe("不用担心。");
  const long = `${"先".repeat(50)}。${"再".repeat(60)}`;
  expect(snippet(long)).toBe(`${"先".repeat(50)}。`);
  expect(snippet("字".repeat(100))).toBe(`${"字".repeat(76)}…`);
});

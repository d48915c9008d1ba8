import { expect, it } from "vitest";
import { freshId, nextAfter, optionsOf, optionsText, percent, wordsOf } from "./sorting";

it("goes on with what took the place of the row that left", () => {
  expect(nextAfter(["b", "c"], 0)).toBe(0);
  expect(nextAfter(["a", "b"], 2)).toBe(1);
  expect(nextAfter([], 3)).toBe(0);
});

it("never promises certainty", () => {
  expect([percent(0.999), percent(0.62), percent(0.001)]).toEqual([">99%", "62%", "<1%"]);
});

it("reads words however they are separated, each once", () => {
  expect(wordsOf("黑屏, 卡顿、黑屏\n 转圈 ;")).toEqual(["黑屏", "卡顿", "转圈"]);
});

it("keeps the ids of choices and gives new ones to new lines", () => {
  const options = optionsOf("none = 不处罚\n警告\n");
  expect(options).toEqual({ none: "不处罚", option_2: "警告" });
  expect(optionsOf(optionsText(options))).toEqual(options);
  expect(freshId("step", ["step_1", "step_3", "step_4"])).toBe("step_5");
});

import { expect, it } from "vitest";
import { changesOf } from "./history";

it("tells only what differs", () => {
  expect(changesOf("待处理 · 无 · 普通", "处理中 · 何川 · 普通")).toEqual([{ from: "待处理", to: "处理中" }, { from: "无", to: "何川" }]);
  expect(changesOf(null, "高")).toEqual([{ from: null, to: "高" }]);
  expect(changesOf("a · b", "c")).toEqual([{ from: "a · b", to: "c" }]);
  expect(changesOf("a", null)).toEqual([]);
});

import { expect, it } from "vitest";
import { changesIn, changesOf } from "./history";

it("tells only what differs", () => {
  expect(changesOf("待处理 · 无 · 普通", "处理中 · 何川 · 普通")).toEqual([{ from: "待处理", to: "处理中" }, { from: "无", to: "何川" }]);
  expect(changesOf(null, "高")).toEqual([{ from: null, to: "高" }]);
  expect(changesOf("a · b", "c")).toEqual([{ from: "a · b", to: "c" }]);
  expect(changesOf("a", null)).toEqual([]);
});

it("names what changed where the gateway says it", () => {
  const event = { number: 2, at: "", actor: "system", actor_name: null, kind: "changed", kind_text: "", text: "", old: "普通", new: "高" };
  expect(changesIn({ ...event, changes: [{ name: "优先级", old: "普通", new: "高" }] })).toEqual([{ name: "优先级", from: "普通", to: "高" }]);
  expect(changesIn(event)).toEqual([{ name: "", from: "普通", to: "高" }]);
  expect(changesIn({ ...event, kind: "opened" })).toEqual([]);
});

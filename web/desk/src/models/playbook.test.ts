import { expect, it } from "vitest";
import type { Plan } from "../api/playbooks";
import { completed, lacksOf, planFor, wants, wishesOf, type Known } from "./playbook";

const step = { hint: "", template: "", marks: "", wanted: true, only: null };
const content: Plan = {
  id: "content", name: "内容", categories: ["content/report"], version: 1, archived: false,
  steps: [{ ...step, id: "evidence", title: "固定证据" }, { ...step, id: "act", title: "执行处理", only: { level: ["ban"] } }, { ...step, id: "rule", title: "对照", wanted: false }],
  fields: [{ key: "level", title: "处理级别", kind: "choice", results: ["solved"], options: { none: "不处罚", ban: "封禁" } }, { key: "rule", title: "规则", kind: "text", results: ["solved"], options: null }],
};
const technical: Plan = {
  ...content, id: "technical", categories: ["technical"], steps: [],
  fields: [{ key: "cause", title: "根因", kind: "choice", results: ["solved", "unsolvable"], options: { user: "用户侧" } }],
};
const plans = [technical, content, { ...technical, id: "own", categories: ["technical/live"] }, { ...content, id: "old", categories: ["advice"], archived: true }];
const known: Known = { values: { rule: "第 3 条" }, steps: { of: "content", done: [] } };

it("chooses a category's own playbook before its branch's", () => {
  expect(planFor(plans, "technical/live")?.id).toBe("own");
  expect(planFor(plans, "technical/playback")?.id).toBe("technical");
  expect(planFor(plans, "advice/feature")).toBeNull();
  expect(planFor(plans, null)).toBeNull();
});

it("asks for what the kind of result needs, and leaves the cause to the form", () => {
  expect(wishesOf(technical, "solved", {}, known).fields).toEqual([]);
  expect([wants(technical, "unsolvable", "cause"), wants(technical, "follow_up", "cause"), wants(null, "solved", "cause")]).toEqual([true, false, false]);
  expect(wishesOf(content, "follow_up", {}, known)).toEqual({ fields: [], steps: [] });
  expect(wishesOf(content, "withdrawn", { level: "ban" }, known)).toEqual({ fields: [], steps: [] });
});

it("wants a step only under the values that call for it, and not when it is done", () => {
  const ids = (level: string, of: Known): string[] => wishesOf(content, "solved", { level }, of).steps.map((one) => one.id);
  expect(ids("none", known)).toEqual(["evidence"]);
  expect(ids("ban", known)).toEqual(["evidence", "act"]);
  expect(ids("ban", { ...known, steps: { of: "content", done: ["evidence"] } })).toEqual(["act"]);
  expect(ids("ban", { ...known, steps: { of: "another", done: ["evidence"] } })).toEqual(["evidence", "act"]);
});

it("names what lacks, and sends only what is new", () => {
  const now = { level: "gone", rule: "第 3 条" };
  const wishes = wishesOf(content, "solved", now, known);
  expect(lacksOf(wishes, now, [])).toEqual(["level", "evidence"]);
  const told = { level: "none", rule: "第 3 条" };
  expect(lacksOf(wishes, told, ["evidence"])).toEqual([]);
  expect(completed(wishes, told, ["evidence", "act"], known)).toEqual({ playbook: { level: "none" }, steps_done: ["evidence"] });
  expect(completed(wishesOf(technical, "solved", {}, known), {}, [], known)).toEqual({});
});

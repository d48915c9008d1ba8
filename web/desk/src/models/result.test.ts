import { expect, it } from "vitest";
import { isReady, resultOf, type ResultForm } from "./result";

const now = new Date("2026-11-21T02:00:00Z");
const empty: ResultForm = { kind: "solved", solution: " ", reason: "", alternative: "", team: "", at: "", cause: "", causeText: "" };

it("asks for what the kind of result needs", () => {
  expect(isReady(empty, now)).toEqual(["solution"]);
  expect(isReady({ ...empty, kind: "unsolvable" }, now)).toEqual(["reason", "alternative"]);
  expect(isReady({ ...empty, kind: "follow_up", solution: "在查", at: "2026-11-21T09:00" }, now)).toEqual(["team", "at"]);
  expect(isReady({ ...empty, kind: "withdrawn", solution: "用户不需要了" }, now)).toEqual([]);
});

it("sends nothing of another kind", () => {
  const form: ResultForm = { ...empty, solution: "好了", reason: "x", alternative: "y", team: "t", at: "2026-11-21T19:00", cause: "user" };
  expect(resultOf(form)).toEqual({ solution: "好了", result_kind: "solved", cause: "user" });
  expect(resultOf({ ...form, kind: "follow_up" })).toMatchObject({ follow_up_team_id: "t", follow_up_at: "2026-11-21T11:00:00.000Z" });
});

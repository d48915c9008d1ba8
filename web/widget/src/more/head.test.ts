import { describe, expect, it } from "vitest";
import { translator } from "../../../shared/ts/catalogue";
import { moreZhCN } from "../i18n/more.zh-CN";
import { headSaid } from "./head";

const t = translator(moreZhCN);
const nothing = { allowed: true, name: null, asked_at: null, due_at: null, answered_at: null };
const asked = { ...nothing, allowed: false, name: "萧致远", asked_at: "2026-11-21T02:00:00Z", due_at: "2026-11-23T10:00:00Z" };

describe("the head of the house", () => {
  it("is not mentioned before somebody asked", () => {
    expect(headSaid(t, "zh-CN", nothing)).toBeNull();
  });

  it("has promised a time of the service's zone", () => {
    expect(headSaid(t, "zh-CN", asked)).toBe("您的话已送到负责人萧致远那里，最晚 11月23日 18:00 前亲自答复您。");
  });

  it("has answered", () => {
    expect(headSaid(t, "zh-CN", { ...asked, answered_at: "2026-11-22T02:00:00Z" })).toContain("已经答复您");
  });
});

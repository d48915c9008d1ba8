import { describe, expect, it } from "vitest";
import { faultOf, prefillOf, questionOf, type Written } from "./feedback";

const written = (change: Partial<Written> = {}): Written => ({ title: "", text: "看直播卡", liveRoom: "", orderNumber: "", phone: "", email: "", consent: false, ...change });

describe("what the address tells", () => {
  it("takes the app's own facts and nothing else", () => {
    const found = prefillOf(new URLSearchParams("kind=report&live_room=8801&app_version=8.1.0&device_model=%E6%89%8B%E6%9C%BA%20X&evil=1&channel=app"));
    expect(found).toEqual({ channel: "app", kind: "report", source: "app", liveRoom: "8801", orderNumber: "", told: { app_version: "8.1.0", device_model: "手机 X" } });
  });

  it("knows a live room by its room and time, and falls back to a problem on a page", () => {
    expect(prefillOf(new URLSearchParams("live_room=1&stream_time=00:12:01")).source).toBe("live_room");
    expect(prefillOf(new URLSearchParams("kind=nothing&source=moon"))).toMatchObject({ kind: "problem", source: "page", channel: null });
  });

  it("cuts what is too long", () => {
    expect(prefillOf(new URLSearchParams({ live_room: "9".repeat(200) })).liveRoom).toHaveLength(80);
  });
});

describe("whether it can be sent", () => {
  it.each([
    [{}, false, null],
    [{ text: "  " }, false, "feedbackTextNeed"],
    [{}, true, "feedbackFilesBusy"],
    [{ phone: "123" }, false, "phoneWrong"],
    [{ email: "nobody" }, false, "emailWrong"],
    [{ phone: "13812345678" }, false, "feedbackConsentNeed"],
    [{ phone: "13812345678", consent: true }, false, null],
  ] as const)("%j, uploading: %s → %s", (change, busy, fault) => {
    expect(faultOf(written(change), busy)).toBe(fault);
  });
});

describe("what to look for", () => {
  it("is the title, else the first sentence, and nothing for a word", () => {
    expect(questionOf("会员没到账", "付了钱")).toBe("会员没到账");
    expect(questionOf("", "看直播一直转圈。换网络也不行")).toBe("看直播一直转圈");
    expect(questionOf("卡", "")).toBeNull();
  });
});

import { describe, expect, it } from "vitest";
import { contactFault } from "./contact";
import { Memory } from "./memory";
import { faultOf, fileSize } from "./pictures";
import { subjectOf } from "./session";
import { judge, measure } from "./speed";
import { stateWords, waysOf } from "./tickets";
import type { TicketState } from "../api/types";

describe("contacts", () => {
  it.each(["13800001111", "+86 138-0000-1111", "8613800001111", "021-55550000", "+49 30 1234567"])("takes the number %s", (phone) => {
    expect(contactFault({ phone, email: "" })).toBeNull();
  });

  it.each(["1380000111", "138000011112", "12345", "手机"])("asks again about the number %s", (phone) => {
    expect(contactFault({ phone, email: "" })).toBe("phoneWrong");
  });

  it("wants one of the two, and an address that can be one", () => {
    expect(contactFault({ phone: "", email: "" })).toBe("contactNeed");
    expect(contactFault({ phone: "", email: "a@b" })).toBe("emailWrong");
    expect(contactFault({ phone: "", email: "lin@example.com" })).toBeNull();
  });
});

describe("files", () => {
  it("takes pictures and MP4 within their limits", () => {
    expect(faultOf({ type: "image/png", size: 9_999_999 })).toBeNull();
    expect(faultOf({ type: "image/png", size: 10_000_001 })).toBe("size");
    expect(faultOf({ type: "video/mp4", size: 40_000_000 })).toBeNull();
    expect(faultOf({ type: "image/svg+xml", size: 10 })).toBe("kind");
    expect(faultOf({ type: "", size: 10 })).toBe("kind");
  });

  it("says sizes in words", () => {
    expect(fileSize(10)).toBe("1 KB");
    expect(fileSize(2_340_000)).toBe("2.3 MB");
  });
});

describe("memory", () => {
  it("works, for one page view, where the browser keeps nothing", () => {
    const memory = new Memory(null, "k");
    memory.keep({ visitor_id: "v" });
    expect(memory.all.visitor_id).toBe("v");
  });

  it("survives what others have written into its place", () => {
    const shelf = { getItem: () => "{broken", setItem: () => undefined, removeItem: () => undefined };
    expect(new Memory(shelf, "k").all).toEqual({});
  });
});

describe("the site's word on who this is", () => {
  it("reads the subject, and nothing from what is no token", () => {
    const token = `h.${btoa(String.fromCharCode(...new TextEncoder().encode('{"sub":"用户1"}')))}.s`;
    expect(subjectOf(token)).toBe("用户1");
    expect(subjectOf("")).toBe("");
    expect(subjectOf("a.b.c")).toBe("");
  });
});

describe("the speed test", () => {
  it("takes the best rate and the shortest delay", async () => {
    let clock = 0;
    const sample = (bytes: number): Promise<number> => {
      clock += bytes === 1 ? 35 : bytes / 2_500; // 20 Mbps
      return Promise.resolve(bytes);
    };
    expect(await measure(sample, () => clock)).toEqual({ mbps: 20, ms: 35 });
    expect(clock).toBeLessThan(7_000);
  });

  it("fails when nothing could be measured", async () => {
    await expect(measure(() => Promise.reject(new Error("no")), () => 0)).rejects.toThrow();
  });

  it("judges for watching", () => {
    expect(judge({ mbps: 50, ms: 30 })).toBe("good");
    expect(judge({ mbps: 50, ms: 300 })).toBe("fair");
    expect(judge({ mbps: 1, ms: 30 })).toBe("poor");
  });
});

describe("tickets", () => {
  it("have words for every state, also for one that is newer than the page", () => {
    const states: TicketState[] = ["new", "in_progress", "waiting_customer", "to_report", "resolved", "closed", "self_solved", "merged"];
    expect(new Set(states.map(stateWords)).size).toBe(states.length);
    expect(stateWords("frozen" as TicketState)).toBe("stateInProgress");
  });

  it("offer what can be done with them", () => {
    expect(waysOf({ state: "in_progress" })).toEqual({ add: true, close: true, reopen: false, rate: false });
    expect(waysOf({ state: "resolved" })).toEqual({ add: true, close: true, reopen: true, rate: true });
    expect(waysOf({ state: "closed", survey: { rating: 4, solved: true } })).toEqual({ add: false, close: false, reopen: true, rate: false });
    expect(waysOf({ state: "merged" })).toEqual({ add: false, close: false, reopen: false, rate: false });
  });
});

import { describe, expect, it } from "vitest";
import type { ConversationRow, DeskMessage } from "../api/types";
import { backoffMs } from "./backoff";
import { busiest, changeOf, drift, durationOf, largest, lineThrough, matrixOf, percent, shareOf, stopwatch } from "./figures";
import { enterMeans, type KeyPress } from "./ime";
import { arrange, isBadMood, neighbour } from "./inbox";
import { counter, lengthOf, windowState } from "./limits";
import { readPacket } from "./packet";
import { homeOf, may, placesFor } from "./permissions";
import { place } from "./runs";
import { slotOf } from "./slot";

const press = (more: Partial<KeyPress> = {}): KeyPress => ({
  key: "Enter", isComposing: false, keyCode: 13, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, ...more,
});

describe("Enter", () => {
  it("never sends while a word is composed", () => {
    expect(enterMeans(press({ isComposing: true }))).toBe("nothing");
    expect(enterMeans(press({ keyCode: 229 }))).toBe("nothing");
    expect(enterMeans(press({ isComposing: true, ctrlKey: true }))).toBe("nothing");
  });
  it("sends alone and with Ctrl, breaks the line with Shift", () => {
    expect(enterMeans(press())).toBe("send");
    expect(enterMeans(press({ ctrlKey: true }))).toBe("send");
    expect(enterMeans(press({ shiftKey: true }))).toBe("newline");
    expect(enterMeans(press({ key: "a" }))).toBe("nothing");
  });
});

describe("limits", () => {
  it("counts signs as people do", () => expect(lengthOf("好👍🏻")).toBe(3));
  it("says into how many parts Weibo splits", () => {
    expect(counter("好".repeat(301), { max_chars: 300 })).toMatchObject({ used: 301, isShown: true, parts: 2, isOver: false });
    expect(counter("好", {})).toMatchObject({ isShown: false, parts: 1 });
    expect(counter("好".repeat(700), { max_chars: 2048, in_bytes: true })).toMatchObject({ used: 2100, parts: 2, isShown: true });
    expect(counter("好", { max_chars: 2048, in_bytes: true }).isShown).toBe(false);
    expect(counter("好".repeat(4001), {}).isOver).toBe(true);
  });
  it("knows whether the channel's window is open", () => {
    const now = new Date("2026-11-21T10:00:00Z");
    expect(windowState({}, now).kind).toBe("open");
    expect(windowState({ window_until: "2026-11-21T09:59:00Z" }, now).kind).toBe("closed");
    expect(windowState({ window_until: "2026-11-21T10:30:00Z" }, now).kind).toBe("closing");
    expect(windowState({ window_until: "2026-11-22T10:30:00Z" }, now).kind).toBe("open");
  });
});

describe("the list", () => {
  const row = (id: string, last: string, waiting: string | null = null): ConversationRow => ({
    conversation_id: id, customer_name: id, channel_kind: "web", mode: "agent", agent_id: null, agent_name: null,
    last_text: "", last_at: last, unread: 0, waiting_since: waiting, ticket_serial: null, ticket_state: null, priority: 3,
  });
  const ids = (rows: readonly ConversationRow[]): string[] => rows.map((one) => one.conversation_id);

  it("puts who waits longest first, then the newest", () => {
    expect(ids(arrange([row("old", "1"), row("new", "2"), row("w2", "0", "2"), row("w1", "0", "1")], [], null)))
      .toEqual(["w1", "w2", "new", "old"]);
  });
  it("leaves the open row where it is", () => {
    const shown = [row("a", "3"), row("b", "2"), row("c", "1")];
    expect(ids(arrange([row("a", "3"), row("b", "9"), row("c", "1")], shown, "b"))).toEqual(["a", "b", "c"]);
    expect(ids(arrange([row("b", "2"), row("c", "9")], shown, "b"))).toEqual(["c", "b"]);
  });
  it("steps to the neighbour and stops at the end", () => {
    expect(neighbour([1, 2, 3], (one) => one === 2, 1)).toBe(3);
    expect(neighbour([1, 2, 3], (one) => one === 3, 1)).toBeUndefined();
    expect(neighbour([1, 2, 3], () => false, -1)).toBe(3);
  });
  it("marks only a bad mood", () => {
    expect(isBadMood(0.9)).toBe(true);
    expect(isBadMood(0.2)).toBe(false);
    expect(isBadMood(null)).toBe(false);
  });
});

describe("runs", () => {
  const say = (id: string, at: string, author: DeskMessage["author"] = "customer"): DeskMessage => ({
    id, seq: 1, author, kind: "text", text: id, payload: {}, staff_name: null, delivery: "none", at,
  });
  it("names a sender once per run and a time once per five minutes", () => {
    const placed = place([
      say("a", "2026-11-21T10:00:00Z"), say("b", "2026-11-21T10:01:00Z"),
      say("c", "2026-11-21T10:02:00Z", "bot"), say("d", "2026-11-21T10:06:00Z", "bot"),
    ]);
    expect(placed.map((one) => [one.showTime, one.showName])).toEqual([[true, true], [false, false], [false, true], [true, true]]);
  });
});

describe("a context packet", () => {
  it("opens whatever version wrote it", () => {
    expect(readPacket({})).toMatchObject({ summary: "", facts: [], tried: null, failedTurns: 0, confidence: null });
    const view = readPacket({
      summary: "投屏卡住", form: [{ key: "device_model", value: "智能电视" }, { key: "city", value: null }],
      profile: { device_model: "智能电视", browser: "手机网页" }, failed_turns: 2,
      articles_tried: [{ article_id: "cast", title: "投屏没有声音", probability: 0.41, helpful: false }, "?"],
      last_messages: [{ author: "customer", text: "还是不行" }, { author: "bot", text: "抱歉" }], open_tickets: [{ serial: "FL-1", title: "退款" }],
    });
    expect(view.facts).toEqual([{ key: "device_model", value: "智能电视" }]);
    expect(view.device).toEqual([{ key: "browser", value: "手机网页" }]);
    expect(view.tried).toEqual([{ articleId: "cast", title: "投屏没有声音", probability: 0.41, reaction: "unhelpful" }]);
    expect(view.wantsNow).toBe("还是不行");
    expect(view.openMatters).toEqual([{ serial: "FL-1", title: "退款" }]);
  });
});

describe("places", () => {
  it("opens what the permissions allow", () => {
    expect(placesFor(["figures.read"])).toEqual(["figures"]);
    expect(placesFor(["desk.use", "desk.watch"])).toEqual(["day", "inbox", "board"]);
    expect(homeOf(["desk.use", "ticket.read"])).toBe("day");
    expect(homeOf(["knowledge.read", "knowledge.write"])).toBe("knowledge");
    expect(homeOf([])).toBeNull();
    expect(may(["ticket.read"], "settings")).toBe(false);
  });
  it("reads the slot from the path", () => {
    expect(slotOf("/desk/u/3/tickets")).toBe(3);
    expect(slotOf("/desk/u/x/")).toBeNull();
    expect(slotOf("/desk/")).toBeNull();
  });
});

describe("figures", () => {
  it("finds the peak of the week", () => {
    const week = Array.from({ length: 7 }, () => Array.from({ length: 24 }, () => 2));
    expect(busiest(week)).toBeNull();
    week[6]![21] = 8;
    week[6]![22] = 7;
    expect(busiest(week)).toMatchObject({ weekday: 6, fromHour: 21, toHour: 23 });
  });
  it("compares and shares without dividing by nothing", () => {
    expect(drift([1, 1, 2, 2])).toBe(1);
    expect(drift([5])).toBeNull();
    expect(shareOf([], "a")).toBeNull();
    expect(percent(shareOf([{ key: "a", count: 1 }, { key: "b", count: 3 }], "a"))).toBe("25%");
    expect(largest([{ key: "a", count: 1 }, { key: "b", count: 3 }])?.key).toBe("b");
  });
  it("runs a stopwatch", () => {
    expect(stopwatch(67)).toBe("1:07");
    expect(stopwatch(3729)).toBe("1:02:09");
  });
  it("says durations in two units", () => {
    expect(durationOf(4.26)).toEqual({ key: "seconds", a: "4.3", b: 0 });
    expect(durationOf(200)).toEqual({ key: "minutes", a: "3", b: 20 });
    expect(durationOf(8000)).toEqual({ key: "hours", a: "2", b: 13 });
    expect(durationOf(300_000)).toEqual({ key: "days", a: "3", b: 11 });
  });
  it("compares shares in points and amounts in percent, and nothing with nothing", () => {
    expect(changeOf("share", 0.65, 0.6)).toEqual({ amount: expect.closeTo(5) as number, isPoints: true });
    expect(changeOf("count", 150, 100)).toEqual({ amount: 50, isPoints: false });
    expect(changeOf("count", 3, 0)).toBeNull();
    expect(changeOf("share", null, 0.5)).toBeNull();
  });
  it("draws a line with gaps, and the level of a target", () => {
    expect(lineThrough([0, 10, null, 5], 30, 10).path).toBe("M0 10L10 0M30 5");
    expect(lineThrough([null], 30, 10)).toEqual({ path: "", level: null, last: null });
    expect(lineThrough([0, 5], 30, 10, 10).level).toBe(0);
  });
  it("makes a matrix of two dimensions, the largest first", () => {
    const facts = [{ city: "成都", provider: "移动", count: 2 }, { city: "杭州", provider: "电信", count: 9 }, { city: "杭州", provider: "移动", count: 1 }];
    expect(matrixOf(facts, "city", "provider")).toEqual({ rows: ["杭州", "成都"], columns: ["电信", "移动"], cells: [[9, 1], [0, 2]], highest: 9 });
    expect(matrixOf(facts, "city", "provider", "杭州").rows).toEqual(["成都", "杭州"]);
  });
});

it("waits longer with each failure, at most 15 s, and not all at once", () => {
  expect(backoffMs(1, 1)).toBe(500);
  expect(backoffMs(2, 1)).toBe(1000);
  expect(backoffMs(20, 1)).toBe(15_000);
  expect(backoffMs(20, 0)).toBe(7500);
});

import { describe, expect, it } from "vitest";
import { message } from "./samples";
import { Thread, type Pending } from "./thread";

function pending(id: string, text = id): Pending {
  return { id, text, kind: "text", at: "2026-11-21T12:00:00Z", body: { text }, file: null, state: "sending", seq: null, progress: 0, reason: null };
}

const seqs = (thread: Thread): number[] => thread.confirmed.map((one) => one.seq);

describe("the thread", () => {
  it("shows each message once, in order, however it arrives", () => {
    const thread = new Thread();
    expect(thread.take([message(2), message(1)]).map((one) => one.seq)).toEqual([2, 1]);
    expect(thread.take([message(1), message(2), message(3)]).map((one) => one.seq)).toEqual([3]);
    expect(seqs(thread)).toEqual([1, 2, 3]);
  });

  it("resumes from before the first gap, not from the newest", () => {
    const thread = new Thread();
    thread.take([message(1), message(2), message(5)]);
    expect(thread.lastComplete).toBe(2);
    expect(thread.hasGap).toBe(true);
    thread.take([message(4), message(3)]);
    expect(thread.lastComplete).toBe(5);
    expect(thread.hasGap).toBe(false);
  });

  it("takes a whole page's word that nothing is missing in it", () => {
    const thread = new Thread();
    thread.beginAfter(10);
    thread.takePage(10, [message(11), message(14)]);
    expect(thread.lastComplete).toBe(14);
  });

  it("does not trust a page that begins after a gap", () => {
    const thread = new Thread();
    thread.take([message(1)]);
    thread.takePage(5, [message(6)]);
    expect(thread.lastComplete).toBe(1);
  });

  it("leaves out what lies before its beginning, until it is asked for", () => {
    const thread = new Thread();
    thread.beginAfter(40);
    thread.take([message(39), message(41)]);
    expect(seqs(thread)).toEqual([41]);
    thread.prepend(0, [message(39), message(40)]);
    expect(seqs(thread)).toEqual([39, 40, 41]);
    expect(thread.beginsAfter).toBe(0);
  });

  it("turns what was hoped for into what is confirmed, by client id", () => {
    const thread = new Thread();
    thread.hope(pending("a"));
    thread.take([message(7, { author: "customer", client_message_id: "a" })]);
    expect(thread.pending).toEqual([]);
    thread.accepted("a", 7);
    expect(seqs(thread)).toEqual([7]);
  });

  it("does the same when the 202 comes first, and when the message comes back without its id", () => {
    const thread = new Thread();
    thread.hope(pending("a"));
    thread.accepted("a", 1);
    expect(thread.pending[0]?.state).toBe("sent");
    thread.take([message(1, { author: "customer" })]);
    expect(thread.pending).toEqual([]);
  });

  it("does not show a message twice when the socket was faster than the 202", () => {
    const thread = new Thread();
    thread.hope(pending("a"));
    thread.take([message(1, { author: "customer" })]);
    thread.accepted("a", 1);
    expect(thread.pending).toEqual([]);
  });

  it("finds the failed message with the same words", () => {
    const thread = new Thread();
    thread.hope({ ...pending("a", "你好"), state: "failed" });
    expect(thread.failedTwin("你好")?.id).toBe("a");
    expect(thread.failedTwin("你好啊")).toBeUndefined();
  });
});

import { describe, expect, it } from "vitest";
import type { DeskMessage } from "../api/types";
import { accepted, EMPTY_THREAD, failed, firstSeq, lastSeq, older, opened, received, sending, type Sending } from "./thread";

const message = (id: string, seq: number | null, at: string, more: Partial<DeskMessage> = {}): DeskMessage => ({
  id, seq, at, author: "customer", kind: "text", text: id, payload: {}, staff_name: null, delivery: "none", ...more,
});
const mine = (clientMessageId: string): Sending => ({
  clientMessageId, text: "您好", attachment: null, at: "2026-11-21T10:00:00Z", state: "sending", error: "", messageId: null,
});

describe("a thread", () => {
  it("orders by seq, and notes by their time between", () => {
    const thread = received(EMPTY_THREAD, [
      message("c", 3, "2026-11-21T10:02:00Z"),
      message("note", null, "2026-11-21T10:01:30Z", { kind: "note" }),
      message("a", 1, "2026-11-21T10:00:00Z"),
      message("b", 2, "2026-11-21T10:01:00Z"),
    ]);
    expect(thread.messages.map((one) => one.id)).toEqual(["a", "b", "note", "c"]);
    expect(lastSeq(thread)).toBe(3);
    expect(firstSeq(thread)).toBe(1);
  });

  it("shows a message once when it comes twice, in its newest form", () => {
    const sent = message("a", 1, "2026-11-21T10:00:00Z", { delivery: "pending" });
    const thread = received(received(EMPTY_THREAD, [sent]), [{ ...sent, delivery: "sent" }]);
    expect(thread.messages).toHaveLength(1);
    expect(thread.messages[0]?.delivery).toBe("sent");
  });

  it("drops an own message from the outgoing when it is back, whichever comes first", () => {
    const begun = sending(EMPTY_THREAD, mine("x"));
    const back = message("m1", 4, "2026-11-21T10:00:01Z", { author: "agent" });
    expect(received(accepted(begun, "x", "m1"), [back]).outgoing).toEqual([]);
    expect(accepted(received(begun, [back]), "x", "m1").outgoing).toEqual([]);
    expect(received(begun, [{ ...back, client_message_id: "x" }]).outgoing).toEqual([]);
  });

  it("keeps a failed one with its reason until it is sent again", () => {
    const thread = failed(sending(EMPTY_THREAD, mine("x")), "x", "网络");
    expect(thread.outgoing[0]).toMatchObject({ state: "failed", error: "网络" });
    expect(sending(thread, mine("x")).outgoing).toHaveLength(1);
  });

  it("keeps older pages when it is opened again", () => {
    const first = opened(EMPTY_THREAD, [message("c", 3, "2026-11-21T10:02:00Z")], true);
    const more = older(first, [message("a", 1, "2026-11-21T10:00:00Z"), message("b", 2, "2026-11-21T10:01:00Z")], false);
    const again = opened(more, [message("c", 3, "2026-11-21T10:02:00Z"), message("d", 4, "2026-11-21T10:03:00Z")], true);
    expect(again.messages.map((one) => one.id)).toEqual(["a", "b", "c", "d"]);
    expect(again.hasMore).toBe(false);
  });
});

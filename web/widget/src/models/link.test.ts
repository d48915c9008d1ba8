import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Refusal } from "../api/refusal";
import type { ChatState, Frame, Page } from "../api/types";
import { backoffMs, Link, PING_EVERY_MS, SILENCE_MS, type LinkState, type Wire } from "./link";

const STATE: ChatState = { version: 1, mode: "bot", queue_position: null, eta_s: null, agent_name: null, ticket_serial: null };

/** A socket that does what the test says. */
class TestWire {
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  readonly sent: string[] = [];
  closed = false;

  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {
    this.closed = true;
  }
  open(): void {
    this.onopen?.(undefined as never);
  }
  say(frame: Frame): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
  drop(code = 1006): void {
    this.onclose?.({ code });
  }
}

class World {
  readonly wires: TestWire[] = [];
  readonly states: LinkState[] = [];
  readonly frames: Frame[] = [];
  readonly pages: Page[] = [];
  readonly polls: { answer(page: Page): void; refuse(refusal: Refusal): void; signal: AbortSignal }[] = [];
  renewals = 0;
  tokenRefusal: Refusal | null = null;
  readonly link = new Link({
    token: () => (this.tokenRefusal === null ? Promise.resolve("t") : Promise.reject(this.tokenRefusal)),
    renew: () => Promise.resolve((this.renewals += 1)),
    socket: () => {
      const wire = new TestWire();
      this.wires.push(wire);
      return wire as unknown as Wire;
    },
    poll: (_token, signal) =>
      new Promise((resolve, reject) => {
        this.polls.push({ answer: resolve, refuse: reject, signal });
      }),
    onFrame: (frame) => this.frames.push(frame),
    onPage: (page) => this.pages.push(page),
    onState: (state) => this.states.push(state),
    now: () => Date.now(),
    random: () => 1,
  });

  get wire(): TestWire {
    return this.wires.at(-1) as TestWire;
  }
}

const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

describe("the link", () => {
  let world: World;
  beforeEach(() => {
    vi.useFakeTimers();
    world = new World();
  });
  afterEach(() => {
    world.link.stop();
    vi.useRealTimers();
  });

  async function live(): Promise<void> {
    world.link.start();
    await settle();
    world.wire.open();
    world.wire.say({ type: "state", state: STATE });
  }

  it("goes live, hands frames on, and passes over what it does not know", async () => {
    await live();
    world.wire.say({ type: "confetti" } as unknown as Frame);
    world.wire.onmessage?.({ data: "not json" });
    expect(world.states).toEqual(["connecting", "live"]);
    expect(world.frames).toHaveLength(1);
    expect(world.polls).toHaveLength(0);
  });

  it("polls while the socket is gone, and stops when it is back", async () => {
    await live();
    world.wire.drop();
    await settle();
    expect(world.polls).toHaveLength(1);
    world.polls[0]?.answer({ messages: [], has_more: false, state: STATE });
    await settle();
    expect(world.link.state).toBe("polling");
    await vi.advanceTimersByTimeAsync(600);
    expect(world.wires).toHaveLength(2);
    world.wire.open();
    expect(world.link.state).toBe("live");
    expect(world.polls.at(-1)?.signal.aborted).toBe(true);
  });

  it("says that the connection is lost only when neither way answers, and heals by itself", async () => {
    await live();
    world.wire.drop();
    await settle();
    world.polls[0]?.refuse(new Refusal("network"));
    await settle();
    expect(world.link.state).toBe("lost");
    await vi.advanceTimersByTimeAsync(600);
    world.wire.open();
    expect(world.link.state).toBe("live");
  });

  it("waits longer after each failure, within a limit, and never all at the same moment", () => {
    expect([1, 2, 3, 20].map((failures) => backoffMs(failures, 1))).toEqual([500, 1_000, 2_000, 15_000]);
    expect(backoffMs(3, 0)).toBe(1_000);
  });

  it("takes a socket that has fallen silent for dead", async () => {
    await live();
    await vi.advanceTimersByTimeAsync(PING_EVERY_MS);
    expect(world.wire.sent).toEqual(['{"type":"ping"}']);
    world.wire.say({ type: "pong" });
    const first = world.wire;
    await vi.advanceTimersByTimeAsync(SILENCE_MS + PING_EVERY_MS);
    expect(first.closed).toBe(true);
    expect(world.link.state).not.toBe("live");
  });

  it("polls beside a handshake that a proxy swallows", async () => {
    world.link.start();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(world.polls).toHaveLength(1);
    const first = world.wire;
    await vi.advanceTimersByTimeAsync(6_000);
    expect(first.closed).toBe(true);
  });

  it("makes a new session when the token is refused, on either way", async () => {
    await live();
    world.wire.drop(4401);
    await settle();
    expect(world.renewals).toBe(1);
    await settle();
    world.polls[0]?.refuse(new Refusal("unauthorized", 401));
    await settle();
    expect(world.renewals).toBe(2);
  });

  it("does not try again where the site is not allowed", async () => {
    await live();
    world.wire.drop(4403);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(world.link.state).toBe("refused");
    expect(world.wires).toHaveLength(1);
  });

  it("heeds the wait that the server asks for", async () => {
    world.tokenRefusal = new Refusal("limited", 429, 30);
    world.link.start();
    await vi.advanceTimersByTimeAsync(29_000);
    world.tokenRefusal = null;
    expect(world.wires).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1_500);
    expect(world.wires).toHaveLength(1);
  });

  it("comes back at once when the browser is online again", async () => {
    await live();
    world.link.networkLost();
    expect(world.link.state).toBe("lost");
    world.link.hurry();
    await settle();
    expect(world.wires).toHaveLength(2);
  });

  it("sends courtesies only over a live socket", async () => {
    expect(world.link.send({ type: "ping" })).toBe(false);
    await live();
    expect(world.link.send({ type: "read", seq: 3 })).toBe(true);
    expect(world.wire.sent.at(-1)).toBe('{"type":"read","seq":3}');
  });

  it("leaves nothing running when it is stopped", async () => {
    await live();
    world.wire.drop();
    await settle();
    world.link.stop();
    expect(world.polls[0]?.signal.aborted).toBe(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(world.wires).toHaveLength(1);
    expect(world.link.state).toBe("idle");
  });
});

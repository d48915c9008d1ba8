/**
 * The way news arrive: a socket, and while there is none, a long poll.
 *
 *     idle ──start──▶ connecting ──open──▶ live
 *                         │  ▲               │
 *              closed, or │  │ back-off      │ closed, or silent for too long
 *          late handshake ▼  │               ▼
 *               polling ◀──answers──▶ lost (neither way answers; the page says so)
 *
 *     refused: the site may not carry this channel; only a new start tries again.
 *
 * Both ways ask for what came after the last complete seq, so nothing is missed and nothing depends on which way it came.
 */
import { asRefusal, type Refusal } from "../api/refusal";
import type { ClientFrame, Frame, Page } from "../api/types";

export type LinkState = "idle" | "connecting" | "live" | "polling" | "lost" | "refused";

/** As much of a WebSocket as is used here. */
export type Wire = Pick<WebSocket, "onopen" | "onmessage" | "onclose" | "send" | "close">;

export interface LinkWorld {
  token(): Promise<string>;
  renew(): Promise<unknown>;
  socket(token: string): Wire;
  poll(token: string, signal: AbortSignal): Promise<Page>;
  onFrame(frame: Frame): void;
  onPage(page: Page): void;
  onState(state: LinkState): void;
  now(): number;
  random(): number;
}

export const PING_EVERY_MS = 20_000;
export const SILENCE_MS = 45_000;
const HANDSHAKE_MS = 8_000;
/** Proxies may swallow the handshake without an answer; the poll does not wait for the end of it. */
const POLL_BESIDE_MS = 2_500;
const BACKOFF_FIRST_MS = 500;
const BACKOFF_MOST_MS = 15_000;
const CLOSE_TOKEN = 4401;
const CLOSE_SITE = 4403;

/** Doubles with each failure, between half and the whole of it, so that a thousand pages do not come back at once. */
export function backoffMs(failures: number, random: number): number {
  const whole = Math.min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS * 2 ** Math.max(0, failures - 1));
  return Math.round(whole * (0.5 + random / 2));
}

export class Link {
  state: LinkState = "idle";
  private running = false;
  private failures = 0;
  private wire: Wire | null = null;
  private heardAt = 0;
  private polling: AbortController | null = null;
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(private readonly world: LinkWorld) {}

  /** Harmless when it runs already. */
  start(): void {
    if (this.running) return;
    this.running = true;
    this.failures = 0;
    this.become("connecting");
    void this.connect();
  }

  stop(): void {
    this.running = false;
    this.dropWire();
    this.polling?.abort();
    this.polling = null;
    for (const name of [...this.timers.keys()]) this.cancel(name);
    this.become("idle");
  }

  /** The browser is online again, or the page is looked at again: no need to sit out the back-off. */
  hurry(): void {
    if (!this.running || this.state === "refused") return;
    if (this.state === "live" && this.world.now() - this.heardAt < SILENCE_MS) return;
    this.failures = 0;
    this.dropWire();
    void this.connect();
  }

  /** The browser knows that there is no network. */
  networkLost(): void {
    if (!this.running) return;
    this.dropWire();
    this.failed();
    this.become("lost");
  }

  /** False when there is no socket; such frames are courtesies and are not kept. */
  send(frame: ClientFrame): boolean {
    if (this.state !== "live" || this.wire === null) return false;
    this.wire.send(JSON.stringify(frame));
    return true;
  }

  private async connect(): Promise<void> {
    this.cancel("connect");
    let token: string;
    try {
      token = await this.world.token();
    } catch (error) {
      if (this.running) this.refusedOrLater(asRefusal(error));
      return;
    }
    if (!this.running || this.wire !== null) return;
    const wire = this.world.socket(token);
    this.wire = wire;
    this.later("handshake", HANDSHAKE_MS, () => this.lost(wire));
    if (this.state === "connecting") this.later("poll beside", POLL_BESIDE_MS, () => this.pollOn());
    wire.onopen = () => this.opened();
    wire.onmessage = (event) => this.heard(event.data);
    wire.onclose = (event) => this.closed(wire, event.code);
  }

  private opened(): void {
    this.cancel("handshake");
    this.cancel("poll beside");
    this.polling?.abort();
    this.polling = null;
    this.heardAt = this.world.now();
    this.become("live");
    this.ping();
  }

  private heard(data: unknown): void {
    this.heardAt = this.world.now();
    this.failures = 0;
    const frame = readFrame(data);
    if (frame !== null) this.world.onFrame(frame);
  }

  private ping(): void {
    this.later("ping", PING_EVERY_MS, () => {
      const wire = this.wire;
      if (wire === null) return;
      if (this.world.now() - this.heardAt >= SILENCE_MS) {
        this.lost(wire);
        return;
      }
      this.send({ type: "ping" });
      this.ping();
    });
  }

  private closed(wire: Wire, code: number): void {
    if (wire !== this.wire) return;
    if (code === CLOSE_SITE) {
      this.dropWire();
      this.become("refused");
    } else if (code === CLOSE_TOKEN) {
      this.dropWire();
      this.world.renew().then(
        () => this.failed(),
        (error: unknown) => this.refusedOrLater(asRefusal(error)),
      );
    } else {
      this.lost(wire);
    }
  }

  private lost(wire: Wire): void {
    if (wire !== this.wire) return;
    this.dropWire();
    this.failed();
  }

  private failed(): void {
    if (!this.running) return;
    this.failures += 1;
    this.later("connect", backoffMs(this.failures, this.world.random()), () => void this.connect());
    if (this.state === "live") this.become("connecting");
    this.pollOn();
  }

  private refusedOrLater(refusal: Refusal): void {
    if (!this.running) return;
    if (refusal.kind === "missing" || refusal.status === 403) {
      this.become("refused");
      return;
    }
    this.failures += 1;
    this.become("lost");
    const wait = Math.max(backoffMs(this.failures, this.world.random()), (refusal.retryAfterS ?? 0) * 1_000);
    this.later("connect", wait, () => void this.connect());
  }

  /** Ask until a socket is there again. One loop at a time. */
  private pollOn(): void {
    if (this.polling !== null || !this.running) return;
    const controller = new AbortController();
    this.polling = controller;
    void this.pollLoop(controller.signal);
  }

  private async pollLoop(signal: AbortSignal): Promise<void> {
    let misses = 0;
    while (!signal.aborted) {
      try {
        const page = await this.world.poll(await this.world.token(), signal);
        if (signal.aborted) return;
        misses = 0;
        this.become("polling");
        this.world.onPage(page);
      } catch (error) {
        if (signal.aborted) return;
        misses += 1;
        const refusal = asRefusal(error);
        if (refusal.status === 401) await this.world.renew().catch(() => undefined);
        else if (refusal.kind !== "limited") this.become("lost");
        await this.pause(Math.max(backoffMs(misses, this.world.random()), (refusal.retryAfterS ?? 0) * 1_000), signal);
      }
    }
  }

  private pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  private dropWire(): void {
    const wire = this.wire;
    this.wire = null;
    this.cancel("ping");
    this.cancel("handshake");
    this.cancel("poll beside");
    if (wire === null) return;
    wire.onopen = wire.onmessage = wire.onclose = null;
    wire.close();
  }

  private become(state: LinkState): void {
    if (this.state === state) return;
    this.state = state;
    this.world.onState(state);
  }

  private later(name: string, ms: number, act: () => void): void {
    this.cancel(name);
    this.timers.set(name, setTimeout(act, ms));
  }

  private cancel(name: string): void {
    clearTimeout(this.timers.get(name));
    this.timers.delete(name);
  }
}

const FRAME_TYPES = new Set(["message", "state", "typing", "read", "pong"]);

/** A frame of a kind that we do not know belongs to a newer server and is passed over. */
function readFrame(data: unknown): Frame | null {
  if (typeof data !== "string") return null;
  try {
    const frame = JSON.parse(data) as Frame;
    return FRAME_TYPES.has(frame.type) ? frame : null;
  } catch {
    return null;
  }
}

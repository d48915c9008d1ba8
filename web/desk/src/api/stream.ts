/**
 * The desk's one socket. A frame is a hint: whoever shows something reads it again. What was missed while the line was
 * down is healed by `resync`, which is told after each reconnect and, as long as the line stays down, every few seconds.
 */
import { backoffMs } from "../models/backoff";

export type Frame =
  | { type: "queue" }
  | { type: "presence" }
  | { type: "conversation"; id: string }
  | { type: "offer" }
  | { type: "assigned" }
  | { type: "due"; serial: string; soon?: boolean; text?: string }
  | { type: "followed"; serial: string; kind: string }
  | { type: "sla"; serial: string; state: "warning" | "broken" | "chain" }
  | { type: "typing"; conversation_id: string; on: boolean }
  | { type: "read"; conversation_id: string }
  | { type: "ticket"; serial: string }
  | { type: "release" }
  | { type: "logout" }
  | { type: "pong" }
  | { type: "resync" };

export type LineState = "connecting" | "open" | "down";

const PING_EVERY_MS = 20_000;
const SILENT_UNTIL_DEAD_MS = 45_000;
const READ_WHILE_DOWN_EVERY_MS = 15_000;
/** The gateway closes with this when the session is gone. */
const CLOSE_LOGGED_OUT = 4401;

export class DeskStream {
  private socket: WebSocket | null = null;
  private attempts = 0;
  private everOpen = false;
  private stopped = true;
  private heardAt = 0;
  private timers: number[] = [];
  private retryTimer = 0;

  constructor(
    private readonly address: string,
    private readonly onFrame: (frame: Frame) => void,
    private readonly onLine: (state: LineState) => void,
  ) {}

  start(): void {
    this.stopped = false;
    this.timers = [
      window.setInterval(() => this.beat(), PING_EVERY_MS),
      window.setInterval(() => {
        if (this.socket?.readyState !== WebSocket.OPEN) this.onFrame({ type: "resync" });
      }, READ_WHILE_DOWN_EVERY_MS),
    ];
    window.addEventListener("online", this.hurry);
    this.connect();
  }

  stop(): void {
    this.stopped = true;
    this.timers.forEach((timer) => window.clearInterval(timer));
    window.clearTimeout(this.retryTimer);
    window.removeEventListener("online", this.hurry);
    this.socket?.close();
    this.socket = null;
  }

  send(frame: { type: "typing"; conversation_id: string } | { type: "ping" }): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  private readonly hurry = (): void => {
    if (this.stopped || this.socket?.readyState === WebSocket.OPEN) return;
    this.attempts = 0;
    window.clearTimeout(this.retryTimer);
    this.connect();
  };

  private connect(): void {
    if (this.stopped) return;
    this.socket?.close();
    const socket = new WebSocket(this.address, ["frontline.desk.v1"]);
    this.socket = socket;
    if (this.attempts === 0 && !this.everOpen) this.onLine("connecting");
    socket.onopen = () => {
      this.heardAt = Date.now();
      this.attempts = 0;
      this.onLine("open");
      if (this.everOpen) this.onFrame({ type: "resync" });
      this.everOpen = true;
    };
    socket.onmessage = (event: MessageEvent<unknown>) => {
      this.heardAt = Date.now();
      const frame = parseFrame(event.data);
      if (frame !== null && frame.type !== "pong") this.onFrame(frame);
    };
    socket.onclose = (event) => {
      if (this.socket !== socket || this.stopped) return;
      if (event.code === CLOSE_LOGGED_OUT) {
        this.onFrame({ type: "logout" });
        return;
      }
      // What could not be reached once will not be missed yet; the bar appears with the second failure.
      this.attempts += 1;
      if (this.everOpen || this.attempts > 1) this.onLine("down");
      this.retryTimer = window.setTimeout(() => this.connect(), backoffMs(this.attempts, Math.random()));
    };
  }

  private beat(): void {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    if (Date.now() - this.heardAt > SILENT_UNTIL_DEAD_MS) {
      this.socket.close();
      return;
    }
    this.send({ type: "ping" });
  }
}

function parseFrame(data: unknown): Frame | null {
  if (typeof data !== "string") return null;
  try {
    const frame = JSON.parse(data) as { type?: unknown };
    return typeof frame.type === "string" ? (frame as Frame) : null;
  } catch {
    return null;
  }
}

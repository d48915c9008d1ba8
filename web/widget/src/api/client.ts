/** The typed client of the customer side of the contract. It keeps no state but the base address. */
import { asRefusal, Refusal } from "./refusal";
import type {
  Attachment,
  Body,
  Config,
  Contact,
  Page,
  SessionReply,
  SessionRequest,
  SurveyAnswer,
  TicketAct,
  TicketBody,
  TicketDetail,
  TicketLine,
} from "./types";

const REQUEST_TIMEOUT_MS = 10_000;
/** The longest wait that the contract allows, and what a slow network may add. */
const POLL_WAIT_S = 20;
const POLL_TIMEOUT_MS = (POLL_WAIT_S + 10) * 1_000;

interface Ask {
  readonly method?: "GET" | "POST" | "DELETE";
  readonly token?: string;
  readonly body?: unknown;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface Upload {
  readonly done: Promise<Attachment>;
  abort(): void;
}

/** XMLHttpRequest, because fetch tells nothing about how much has gone out. */
export function upload(address: string, file: File, onProgress: (part: number) => void, token?: string): Upload {
  const request = new XMLHttpRequest();
  const done = new Promise<Attachment>((resolve, reject) => {
    request.open("POST", address);
    if (token !== undefined) request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.responseType = "json";
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    request.onload = () => {
      if (request.status === 201) resolve(request.response as Attachment);
      else reject(Refusal.ofStatus(request.status, request.getResponseHeader("Retry-After")));
    };
    request.onerror = request.onabort = request.ontimeout = () => reject(new Refusal("network"));
    const form = new FormData();
    form.append("file", file, file.name);
    request.send(form);
  });
  return { done, abort: () => request.abort() };
}

export class Client {
  constructor(private readonly base: string) {}

  config(channelKey: string): Promise<Config> {
    return this.json(`config?channel_key=${encodeURIComponent(channelKey)}`);
  }

  session(request: SessionRequest): Promise<SessionReply> {
    return this.json("sessions", { method: "POST", body: request });
  }

  send(token: string, clientMessageId: string, body: Body): Promise<{ seq: number }> {
    return this.json("messages", { method: "POST", token, body: { client_message_id: clientMessageId, ...body } });
  }

  messages(token: string, afterSeq: number): Promise<Page> {
    return this.json(`messages?after_seq=${afterSeq}&wait_s=0`, { token });
  }

  /** Wait for news. Returns early when there are any; an empty page means that nothing happened. */
  poll(token: string, afterSeq: number, afterState: number, signal: AbortSignal): Promise<Page> {
    const query = `after_seq=${afterSeq}&after_state=${afterState}&wait_s=${POLL_WAIT_S}`;
    return this.json(`messages?${query}`, { token, signal, timeoutMs: POLL_TIMEOUT_MS });
  }

  helpful(token: string, seq: number, helpful: boolean): Promise<void> {
    return this.nothing(`messages/${seq}/helpful`, { method: "POST", token, body: { helpful } });
  }

  contact(token: string, contact: Contact): Promise<void> {
    return this.nothing("contact", { method: "POST", token, body: contact });
  }

  leaveQueue(token: string): Promise<void> {
    return this.nothing("queue", { method: "DELETE", token });
  }

  async tickets(token: string): Promise<readonly TicketLine[]> {
    return (await this.json<{ tickets: readonly TicketLine[] }>("tickets", { token })).tickets;
  }

  ticket(token: string, serial: string): Promise<TicketDetail> {
    return this.json(`tickets/${encodeURIComponent(serial)}`, { token });
  }

  ticketAct(token: string, serial: string, act: TicketAct, body: TicketBody): Promise<void> {
    return this.nothing(`tickets/${encodeURIComponent(serial)}/${act}`, { method: "POST", token, body });
  }

  survey(token: string, serial: string, answer: SurveyAnswer): Promise<void> {
    return this.nothing(`tickets/${encodeURIComponent(serial)}/survey`, { method: "POST", token, body: answer });
  }

  async attachment(token: string, id: string): Promise<Blob> {
    const response = await this.ask(`attachments/${encodeURIComponent(id)}`, { token, timeoutMs: 60_000 });
    return response.blob().catch(() => Promise.reject(new Refusal("network")));
  }

  async speedSample(token: string, bytes: number, signal: AbortSignal): Promise<number> {
    const response = await this.ask(`speedtest?bytes=${bytes}`, { token, signal });
    return (await response.arrayBuffer()).byteLength;
  }

  upload(token: string, file: File, onProgress: (part: number) => void): Upload {
    return upload(this.address("attachments"), file, onProgress, token);
  }

  /** The token travels as a subprotocol: an address would end up in logs. */
  socket(token: string, afterSeq: number): WebSocket {
    const address = this.address(`stream?after_seq=${afterSeq}`).replace(/^http/, "ws");
    return new WebSocket(address, ["frontline.v1", `bearer.${token}`]);
  }

  private address(path: string): string {
    return `${this.base}/api/v1/chat/${path}`;
  }

  private async json<Reply>(path: string, ask: Ask = {}): Promise<Reply> {
    const response = await this.ask(path, ask);
    try {
      return (await response.json()) as Reply;
    } catch {
      throw new Refusal("network");
    }
  }

  private async nothing(path: string, ask: Ask): Promise<void> {
    await this.ask(path, ask);
  }

  private async ask(path: string, ask: Ask): Promise<Response> {
    const limit = AbortSignal.timeout(ask.timeoutMs ?? REQUEST_TIMEOUT_MS);
    const headers: Record<string, string> = {};
    if (ask.token !== undefined) headers["Authorization"] = `Bearer ${ask.token}`;
    if (ask.body !== undefined) headers["Content-Type"] = "application/json";
    try {
      const response = await fetch(this.address(path), {
        method: ask.method ?? "GET",
        headers,
        credentials: "omit",
        cache: "no-store",
        signal: ask.signal === undefined ? limit : either(ask.signal, limit),
        ...(ask.body === undefined ? {} : { body: JSON.stringify(ask.body) }),
      });
      if (!response.ok) throw Refusal.ofStatus(response.status, response.headers.get("Retry-After"));
      return response;
    } catch (error) {
      throw asRefusal(error);
    }
  }
}

/** AbortSignal.any, which browsers of 2023 lack. */
function either(one: AbortSignal, other: AbortSignal): AbortSignal {
  const controller = new AbortController();
  for (const signal of [one, other]) {
    if (signal.aborted) controller.abort();
    else signal.addEventListener("abort", () => controller.abort(), { once: true });
  }
  return controller.signal;
}

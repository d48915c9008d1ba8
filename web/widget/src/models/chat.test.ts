import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Client } from "../api/client";
import { Refusal, type RefusalKind } from "../api/refusal";
import type { Body, ChatState, Config, Message, Page, SessionRequest } from "../api/types";
import { Chat, type ChatListener } from "./chat";
import { Memory, type Shelf } from "./memory";
import { message } from "./samples";

const STATE: ChatState = { version: 1, mode: "bot", queue_position: null, eta_s: null, agent_name: null, ticket_serial: null };
const CONFIG: Config = { name: "星屿视频客服", greeting: "您好", hot: [], privacy_url: null, languages: ["zh-CN"] };

class TestShelf implements Shelf {
  readonly kept = new Map<string, string>();
  getItem(key: string): string | null {
    return this.kept.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.kept.set(key, value);
  }
  removeItem(key: string): void {
    this.kept.delete(key);
  }
}

/** A server that keeps the promise of one message per client id, and fails when told to. */
class TestServer {
  readonly stored: Message[] = [];
  readonly requests: SessionRequest[] = [];
  refusals: Refusal[] = [];
  tokenIsOver = false;
  state: ChatState = STATE;
  /** Accepts, but the answer gets lost. */
  losesAnswers = 0;

  readonly client = {
    config: () => Promise.resolve(CONFIG),
    session: (request: SessionRequest) => {
      this.requests.push(request);
      this.tokenIsOver = false;
      return Promise.resolve({ token: `t${this.requests.length}`, visitor_id: "v", conversation_id: "c", last_seq: this.stored.length });
    },
    messages: (_token: string, after: number): Promise<Page> =>
      this.tokenIsOver
        ? Promise.reject(new Refusal("unauthorized", 401))
        : Promise.resolve({ messages: this.stored.filter((one) => one.seq > after), has_more: false, state: this.state }),
    poll: () => new Promise<Page>(() => undefined),
    send: (_token: string, id: string, body: Body): Promise<{ seq: number }> => {
      const refusal = this.refusals.shift();
      if (refusal !== undefined) return Promise.reject(refusal);
      const seen = this.stored.find((one) => one.client_message_id === id);
      const seq = seen?.seq ?? this.store({ author: "customer", client_message_id: id, text: "text" in body ? body.text : "choice" });
      if (this.losesAnswers > 0) {
        this.losesAnswers -= 1;
        return Promise.reject(new Refusal("network"));
      }
      return Promise.resolve({ seq });
    },
    socket: () => ({ send: () => undefined, close: () => undefined }),
  } as unknown as Client;

  store(more: Partial<Message>): number {
    const seq = this.stored.length + 1;
    this.stored.push(message(seq, more));
    return seq;
  }
}

class TestListener implements ChatListener {
  box = "";
  readonly returnedTexts: [string, RefusalKind][] = [];
  changed(): void {}
  arrived(): void {}
  returned(text: string, kind: RefusalKind): void {
    this.returnedTexts.push([text, kind]);
    if (this.box === "") this.box = text;
  }
  delivered(text: string): void {
    if (this.box === text) this.box = "";
  }
  holds(text: string): boolean {
    return this.box === text;
  }
}

const waitAll = (): Promise<unknown> => vi.advanceTimersByTimeAsync(4_000);
const broken = (count: number): Refusal[] => Array.from({ length: count }, () => new Refusal("network"));

describe("the chat", () => {
  let server: TestServer;
  let listener: TestListener;
  let local: TestShelf;
  let tab: TestShelf;
  let ids = 0;
  const chats: Chat[] = [];

  function newChat(identity = ""): Chat {
    const chat = new Chat({
      client: server.client,
      memory: new Memory(local, "frontline:demo"),
      shelf: tab,
      channelKey: "demo",
      identity: () => Promise.resolve(identity),
      profile: () => Promise.resolve({}),
      newId: () => `id-${(ids += 1)}`,
      now: () => Date.now(),
    });
    listener = new TestListener();
    chat.listener = listener;
    chats.push(chat);
    return chat;
  }

  beforeEach(() => {
    vi.useFakeTimers();
    server = new TestServer();
    local = new TestShelf();
    tab = new TestShelf();
  });
  afterEach(() => {
    for (const chat of chats.splice(0)) chat.link.stop();
    vi.useRealTimers();
  });

  it("asks the server for nothing until it is opened", async () => {
    const chat = newChat();
    await chat.wake();
    expect(server.requests).toHaveLength(0);
    await chat.open();
    await chat.open();
    expect(server.requests).toHaveLength(1);
    expect(chat.phase).toBe("ready");
  });

  it("wakes by itself for who still waits for something", async () => {
    server.state = { ...STATE, mode: "waiting" };
    await newChat().open();
    const later = newChat();
    await later.wake();
    expect(later.phase).toBe("ready");
    // The token of the earlier page view still holds.
    expect(server.requests).toHaveLength(1);
  });

  it("shows a sent text at once and confirms it under its id", async () => {
    const chat = newChat();
    await chat.open();
    chat.sendText("  退款多久到账  ");
    expect(chat.thread.pending.map((one) => [one.text, one.state])).toEqual([["退款多久到账", "sending"]]);
    await waitAll();
    expect(chat.thread.pending[0]?.state).toBe("sent");
    chat.thread.take(server.stored);
    expect(chat.thread.pending).toEqual([]);
  });

  it("tries again under the same id when the answer was lost, and makes no second message", async () => {
    const chat = newChat();
    await chat.open();
    server.losesAnswers = 2;
    chat.sendText("你好");
    await waitAll();
    expect(server.stored).toHaveLength(1);
    expect(chat.thread.pending[0]?.seq).toBe(1);
  });

  it("gives the text back when sending fails, and the same words later are the same message", async () => {
    const chat = newChat();
    await chat.open();
    server.refusals = broken(3);
    chat.sendText("你好");
    await waitAll();
    expect(chat.thread.pending[0]?.state).toBe("failed");
    expect(listener.box).toBe("你好");
    chat.sendText("你好");
    await waitAll();
    expect(chat.thread.pending).toHaveLength(1);
    expect(server.stored.map((one) => one.client_message_id)).toEqual([chat.thread.pending[0]?.id]);
    expect(listener.box).toBe("");
  });

  it("makes no second message when Enter is pressed while the first is tried again by itself", async () => {
    const chat = newChat();
    await chat.open();
    server.refusals = broken(3);
    chat.sendText("你好");
    await waitAll();
    const failed = chat.thread.pending[0];
    if (failed === undefined) throw new Error("nothing waits");
    chat.retry(failed.id);
    chat.sendText("你好");
    await waitAll();
    expect(chat.thread.pending).toHaveLength(1);
    expect(server.stored).toHaveLength(1);
  });

  it("empties the field when what was given back turns out to have arrived", async () => {
    const chat = newChat();
    await chat.open();
    server.losesAnswers = 3;
    chat.sendText("你好");
    await waitAll();
    expect(listener.box).toBe("你好");
    chat.thread.take(server.stored);
    expect(listener.box).toBe("");
    expect(chat.thread.pending).toEqual([]);
  });

  it("does not press on with what the server will never take", async () => {
    const chat = newChat();
    await chat.open();
    server.refusals = [new Refusal("invalid", 422)];
    chat.sendText("你好");
    await vi.advanceTimersByTimeAsync(0);
    expect(listener.returnedTexts).toEqual([["你好", "invalid"]]);
  });

  it("sits out a short limit and tells of a long one", async () => {
    const chat = newChat();
    await chat.open();
    server.refusals = [new Refusal("limited", 429, 1)];
    chat.sendText("一");
    await waitAll();
    expect(server.stored).toHaveLength(1);
    server.refusals = [new Refusal("limited", 429, 30)];
    chat.sendText("二");
    await waitAll();
    expect(listener.returnedTexts).toEqual([["二", "limited"]]);
  });

  it("keeps the order of what was written while the way was blocked", async () => {
    const chat = newChat();
    await chat.open();
    server.refusals = broken(1);
    chat.sendText("一");
    chat.sendText("二");
    chat.sendText("三");
    await waitAll();
    expect(server.stored.map((one) => one.text)).toEqual(["一", "二", "三"]);
  });

  it("uses one new session when the token has run out in the middle", async () => {
    const chat = newChat();
    await chat.open();
    server.refusals = [new Refusal("unauthorized", 401)];
    chat.sendText("你好");
    await waitAll();
    expect(server.requests).toHaveLength(2);
    expect(server.requests[1]?.visitor_id).toBe("v");
    expect(server.stored).toHaveLength(1);
  });

  it("renews a remembered token that was withdrawn meanwhile", async () => {
    await newChat().open();
    server.tokenIsOver = true;
    const later = newChat();
    await later.open();
    expect(later.phase).toBe("ready");
    expect(server.requests).toHaveLength(2);
  });

  it("sends after a change of page what was on its way before it", async () => {
    const chat = newChat();
    await chat.open();
    server.refusals = broken(3);
    chat.sendText("还没发出去");
    chat.link.stop();
    const id = chat.thread.pending[0]?.id;
    server.refusals = [];
    const later = newChat();
    await later.open();
    await waitAll();
    expect(server.stored.map((one) => one.client_message_id)).toEqual([id]);
  });

  it("keeps one person's token from the next person on the same browser", async () => {
    const tokenOf = (sub: string): string => `h.${btoa(JSON.stringify({ sub }))}.s`;
    await newChat(tokenOf("lin")).open();
    await newChat(tokenOf("lin")).open();
    expect(server.requests).toHaveLength(1);
    await newChat(tokenOf("chen")).open();
    expect(server.requests).toHaveLength(2);
    expect(server.requests[1]?.identity).toBe(tokenOf("chen"));
  });

  it("loads the end of a long history first, and the rest when asked", async () => {
    for (let i = 0; i < 100; i += 1) server.store({});
    const chat = newChat();
    await chat.open();
    expect(chat.thread.confirmed).toHaveLength(40);
    await chat.loadEarlier();
    await chat.loadEarlier();
    expect(chat.thread.confirmed).toHaveLength(100);
    expect(chat.thread.beginsAfter).toBe(0);
  });

  it("counts as unread what others wrote after the last look", async () => {
    const chat = newChat();
    await chat.open();
    server.store({ author: "agent" });
    server.store({ author: "system", kind: "notice" });
    server.store({ author: "customer" });
    chat.thread.takePage(0, server.stored);
    expect(chat.unread).toBe(1);
    chat.sawAll();
    expect(chat.unread).toBe(0);
  });
});

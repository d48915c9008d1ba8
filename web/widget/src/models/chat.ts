/**
 * The conversation as the widget knows it: what to show, and what the customer can do. It touches no document.
 *
 * A text is sent under an id of its own, as often as needed; the server stores it once. When it fails for good, the text
 * goes back into the field, and sending the same words again uses the same id.
 */
import type { Client, Upload } from "../api/client";
import { asRefusal, Refusal, type RefusalKind } from "../api/refusal";
import type { Body, ChatState, Choice, Config, Contact, Frame, Message, Page, Profile } from "../api/types";
import { Link, type LinkState } from "./link";
import type { Memory, Shelf } from "./memory";
import { Session } from "./session";
import { Thread, type Pending } from "./thread";

export const TEXT_MOST_CHARACTERS = 4_000;
/** How much of the past is loaded at first, and with each step back. */
const HISTORY_PAGE = 40;
const SEND_PAUSES_MS = [0, 800, 2_200];
/** A limit that ends this soon is sat out in silence. */
const LIMIT_PATIENCE_S = 3;
const TYPING_SHOWN_MS = 6_000;
const TYPING_SENT_EVERY_MS = 3_000;
/** Longer than the assistant may take; then the dots stop pretending. */
const ANSWER_EXPECTED_MS = 12_000;
/** An episode on the web ends after this silence; until then each page view looks for news. */
const EPISODE_MS = 30 * 60_000;
const EXPECTS_MS = 14 * 24 * 3_600_000;

export interface ChatWorld {
  readonly client: Client;
  readonly memory: Memory;
  /** Messages on their way survive a change of page in here. */
  readonly shelf: Shelf | null;
  readonly channelKey: string;
  identity(): Promise<string>;
  profile(): Promise<Profile>;
  newId(): string;
  now(): number;
}

export interface ChatListener {
  /** Something to show has changed; called once per turn of the loop, however much did. */
  changed(): void;
  /** These arrived from the other side while the chat ran (not the history). */
  arrived(messages: readonly Message[]): void;
  /** This text was not accepted; give it back into the field. */
  returned(text: string, kind: RefusalKind, retryAfterS: number | null): void;
  /** This text has been accepted after all. */
  delivered(text: string): void;
  /** Whether the field still holds exactly this text. */
  holds(text: string): boolean;
}

export class Chat {
  readonly thread = new Thread();
  readonly session: Session;
  readonly link: Link;
  config: Config | null = null;
  state: ChatState | null = null;
  phase: "asleep" | "loading" | "ready" | "failed" = "asleep";
  failure: RefusalKind | null = null;
  typing: "agent" | "bot" | null = null;
  loadingEarlier = false;
  listener: ChatListener | null = null;

  private opening: Promise<void> | null = null;
  private pumping = false;
  private announced = false;
  private typingTimer: ReturnType<typeof setTimeout> | undefined;
  private typingSentAt = 0;
  private catchingUp = false;
  private readonly uploads = new Map<string, Upload>();

  constructor(private readonly world: ChatWorld) {
    // It arrived although its answer was lost: what was given back into the field must not be sent again.
    this.thread.settled = (pending) => {
      if (pending.returned === true) this.listener?.delivered(pending.text);
    };
    this.session = new Session(world);
    this.link = new Link({
      token: () => this.session.token(),
      renew: () => this.session.renew(),
      socket: (token) => world.client.socket(token, this.thread.lastComplete),
      poll: (token, signal) => world.client.poll(token, this.thread.lastComplete, this.state?.version ?? 0, signal),
      onFrame: (frame) => this.takeFrame(frame),
      onPage: (page) => this.takePage(page),
      onState: (state) => this.linkChanged(state),
      now: () => world.now(),
      random: () => Math.random(),
    });
  }

  get client(): Client {
    return this.world.client;
  }

  get mode(): ChatState["mode"] {
    return this.state?.mode ?? "bot";
  }

  get privacyUrl(): string | null {
    return this.state?.privacy_url ?? this.config?.privacy_url ?? null;
  }

  get unread(): number {
    const read = this.world.memory.all.read_seq ?? 0;
    return this.thread.confirmed.filter((message) => message.seq > read && message.author !== "customer" && message.kind !== "notice")
      .length;
  }

  get unreadTickets(): number {
    return this.state?.unread_tickets ?? 0;
  }

  /** A page view: look for news when this visitor waits for some, else ask the server nothing. */
  async wake(): Promise<void> {
    const expects = (this.world.memory.all.expects_until ?? 0) > this.world.now();
    if (expects && this.session.canResume) await this.open().catch(() => undefined);
  }

  /** The panel was opened: greet, make the session, load the last words, and stay connected. Again is harmless. */
  open(): Promise<void> {
    if (this.phase === "ready") return Promise.resolve();
    return (this.opening ??= this.load().finally(() => (this.opening = null)));
  }

  /** Somebody logged in or out on the page: what was shown belongs to somebody else. */
  async restart(): Promise<void> {
    const wasOpen = this.phase !== "asleep";
    this.link.stop();
    this.session.forget();
    this.state = null;
    this.phase = "asleep";
    this.world.memory.forget("token", "token_until", "last_seq", "read_seq", "expects_until");
    this.thread.beginAfter(0);
    for (const pending of [...this.thread.pending]) this.thread.drop(pending.id);
    this.change();
    if (wasOpen) await this.open().catch(() => undefined);
  }

  async loadConfig(): Promise<void> {
    this.config ??= await this.client.config(this.world.channelKey);
    this.change();
  }

  sendText(text: string): void {
    const words = text.trim();
    if (words === "" || words.length > TEXT_MOST_CHARACTERS) return;
    const twin = this.thread.failedTwin(words);
    if (this.typingSentAt > 0 && this.link.send({ type: "typing", on: false })) this.typingSentAt = 0;
    if (twin !== undefined) this.retry(twin.id);
    else this.begin({ text: words, kind: "text", body: { text: words } });
  }

  choose(choice: Choice): void {
    this.begin({ text: choice.label, kind: "choice", body: { choice: choice.id } });
  }

  sendFile(file: File): void {
    const kind = file.type.startsWith("video/") ? "video" : "image";
    this.begin({ text: file.name, kind, body: null, file });
  }

  retry(id: string): void {
    const pending = this.thread.find(id);
    if (pending === undefined || pending.state !== "failed") return;
    pending.reason = null;
    if (pending.body === null) this.upload(pending);
    else {
      pending.state = "sending";
      void this.pump();
    }
    this.change();
  }

  /** Take back what has not been accepted. */
  discard(id: string): void {
    this.uploads.get(id)?.abort();
    this.thread.drop(id);
    this.shelve();
    this.change();
  }

  async judge(seq: number, helpful: boolean): Promise<void> {
    this.thread.mark(seq, helpful);
    this.change();
    await this.client.helpful(await this.session.token(), seq, helpful);
  }

  async leaveQueue(): Promise<void> {
    await this.client.leaveQueue(await this.session.token());
  }

  async leaveContact(contact: Contact): Promise<void> {
    await this.client.contact(await this.session.token(), contact);
    this.expectNews();
  }

  /** The customer looks at the newest message. */
  sawAll(): void {
    const newest = this.thread.newest;
    if (newest <= (this.world.memory.all.read_seq ?? 0)) return;
    this.world.memory.keep({ read_seq: newest });
    this.link.send({ type: "read", seq: newest });
    this.change();
  }

  typed(): void {
    if (this.mode === "bot" || this.world.now() - this.typingSentAt < TYPING_SENT_EVERY_MS) return;
    if (this.link.send({ type: "typing", on: true })) this.typingSentAt = this.world.now();
  }

  async loadEarlier(): Promise<void> {
    const end = this.thread.beginsAfter;
    if (end === 0 || this.loadingEarlier) return;
    this.loadingEarlier = true;
    this.change();
    try {
      const from = Math.max(0, end - HISTORY_PAGE);
      const page = await this.client.messages(await this.session.token(), from);
      this.thread.prepend(
        from,
        page.messages.filter((message) => message.seq <= end),
      );
    } finally {
      this.loadingEarlier = false;
      this.change();
    }
  }

  private async load(): Promise<void> {
    this.phase = "loading";
    this.failure = null;
    this.change();
    try {
      // The greeting needs no session, so it does not wait for one.
      const greeting = this.loadConfig();
      const token = await this.session.token();
      const known = this.world.memory.all.last_seq ?? 0;
      this.thread.beginAfter(Math.max(0, known - HISTORY_PAGE));
      for (let more = true; more; ) {
        const after = this.thread.lastComplete;
        const page = await this.pageWithToken(token, after);
        this.thread.takePage(after, page.messages);
        this.takeState(page.state);
        more = page.has_more && page.messages.length > 0;
      }
      await greeting;
      this.phase = "ready";
      this.unshelve();
      this.link.start();
    } catch (error) {
      this.phase = "failed";
      this.failure = asRefusal(error).kind;
      throw error;
    } finally {
      this.change();
    }
  }

  /** A token from an earlier page view may have been withdrawn since. */
  private async pageWithToken(token: string, after: number): Promise<Page> {
    try {
      return await this.client.messages(token, after);
    } catch (error) {
      if (asRefusal(error).status !== 401) throw error;
      return this.client.messages(await this.session.renew(), after);
    }
  }

  private begin(what: Pick<Pending, "text" | "kind" | "body"> & { file?: File }): void {
    const pending: Pending = {
      id: this.world.newId(),
      at: new Date(this.world.now()).toISOString(),
      state: "sending",
      seq: null,
      progress: 0,
      reason: null,
      ...what,
      file: what.file ?? null,
    };
    this.thread.hope(pending);
    if (pending.body === null) this.upload(pending);
    this.shelve();
    this.change();
    void this.pump();
  }

  private upload(pending: Pending): void {
    const { file } = pending;
    if (file === null) return;
    pending.state = "uploading";
    pending.progress = 0;
    void this.session.token().then(
      (token) => {
        const upload = this.client.upload(token, file, (part) => {
          pending.progress = part;
          this.change();
        });
        this.uploads.set(pending.id, upload);
        return upload.done.then((attachment) => {
          pending.body = { attachment_id: attachment.attachment_id };
          pending.state = "sending";
          void this.pump();
        });
      },
    ).catch((error: unknown) => this.fail(pending, asRefusal(error)))
      .finally(() => {
        this.uploads.delete(pending.id);
        this.change();
      });
  }

  /** One message at a time, so that they arrive in the order in which they were written. */
  private async pump(): Promise<void> {
    if (this.pumping) return;
    this.pumping = true;
    try {
      for (;;) {
        const next = this.thread.pending.find((pending) => pending.state === "sending" && pending.body !== null);
        if (next === undefined) return;
        await this.deliver(next, next.body as Body);
        this.shelve();
        this.change();
      }
    } finally {
      this.pumping = false;
    }
  }

  private async deliver(pending: Pending, body: Body): Promise<void> {
    let refusal = new Refusal("network");
    let renewed = false;
    for (const pause of SEND_PAUSES_MS) {
      await sleep(Math.max(pause, (refusal.retryAfterS ?? 0) * 1_000));
      try {
        const { seq } = await this.client.send(await this.session.token(), pending.id, body);
        this.thread.accepted(pending.id, seq);
        this.world.memory.keep({ expects_until: Math.max(this.world.memory.all.expects_until ?? 0, this.world.now() + EPISODE_MS) });
        if (this.mode === "bot") this.showTyping("bot", ANSWER_EXPECTED_MS);
        if (pending.kind === "text") this.listener?.delivered(pending.text);
        return;
      } catch (error) {
        refusal = asRefusal(error);
        if (refusal.status === 401 && !renewed) {
          renewed = true;
          await this.session.renew().catch(() => undefined);
        } else if (!refusal.isPassing && !(refusal.kind === "limited" && (refusal.retryAfterS ?? 1) <= LIMIT_PATIENCE_S)) {
          break;
        }
      }
    }
    this.fail(pending, refusal);
  }

  private fail(pending: Pending, refusal: Refusal): void {
    if (this.thread.find(pending.id) === undefined) return;
    pending.state = "failed";
    pending.reason = refusal.kind;
    if (pending.kind !== "text") return;
    pending.returned = true;
    this.listener?.returned(pending.text, refusal.kind, refusal.retryAfterS);
  }

  /** The way is open again: send what failed for want of it, unless the customer has begun to change the words. */
  private retryAfterLoss(): void {
    for (const pending of this.thread.pending) {
      const wanted = pending.kind !== "text" || this.listener?.holds(pending.text) === true;
      if (pending.state === "failed" && (pending.reason === "network" || pending.reason === "server") && wanted) this.retry(pending.id);
    }
  }

  private linkChanged(state: LinkState): void {
    if (state === "live" || state === "polling") this.retryAfterLoss();
    if (state === "lost") this.showTyping(null, 0);
    this.change();
  }

  private takeFrame(frame: Frame): void {
    switch (frame.type) {
      case "message":
        this.takeNews(this.thread.take([frame.message]));
        if (this.thread.hasGap) void this.catchUp();
        break;
      case "state":
        this.takeState(frame.state);
        break;
      case "typing":
        this.showTyping(frame.on ? frame.author : null, TYPING_SHOWN_MS);
        break;
      case "read":
        if (this.state !== null) this.state = { ...this.state, read_seq: Math.max(frame.seq, this.state.read_seq ?? 0) };
        break;
      case "pong":
        return;
    }
    this.change();
  }

  private takePage(page: Page): void {
    const fresh = this.thread.takePage(this.thread.lastComplete, page.messages);
    this.takeState(page.state);
    this.takeNews(fresh);
    this.change();
  }

  private takeNews(fresh: readonly Message[]): void {
    if (fresh.length === 0) return;
    this.world.memory.keep({ last_seq: this.thread.newest });
    const fromOthers = fresh.filter((message) => message.author !== "customer");
    if (fromOthers.length === 0) return;
    this.showTyping(null, 0);
    this.listener?.arrived(fromOthers);
  }

  private takeState(state: ChatState): void {
    if (this.state !== null && state.version < this.state.version) return;
    this.state = { ...state, read_seq: state.read_seq ?? this.state?.read_seq ?? null };
    if (state.mode !== "bot" || state.contact_wanted === true || (state.survey ?? null) !== null || (state.unread_tickets ?? 0) > 0) {
      this.expectNews();
    }
  }

  private async catchUp(): Promise<void> {
    if (this.catchingUp) return;
    this.catchingUp = true;
    try {
      const after = this.thread.lastComplete;
      const page = await this.client.messages(await this.session.token(), after);
      this.takeNews(this.thread.takePage(after, page.messages));
      this.takeState(page.state);
    } catch {
      // The next reconnection asks for the same stretch.
    } finally {
      this.catchingUp = false;
      this.change();
    }
  }

  private expectNews(): void {
    this.world.memory.keep({ expects_until: this.world.now() + EXPECTS_MS });
  }

  private showTyping(who: "agent" | "bot" | null, forMs: number): void {
    clearTimeout(this.typingTimer);
    this.typing = who;
    if (who === null) return;
    this.typingTimer = setTimeout(() => {
      this.typing = null;
      this.change();
    }, forMs);
  }

  /** Words on their way are kept over a change of page; pictures are not, a store for them would be too large. */
  private shelve(): void {
    const underWay = this.thread.pending
      .filter((pending) => pending.body !== null && pending.file === null && pending.seq === null)
      .map(({ id, text, kind, at, body }) => ({ id, text, kind, at, body }));
    try {
      if (underWay.length === 0) this.world.shelf?.removeItem(this.shelfKey);
      else this.world.shelf?.setItem(this.shelfKey, JSON.stringify(underWay));
    } catch {
      // A full store costs only this comfort.
    }
  }

  private unshelve(): void {
    let kept: Pick<Pending, "id" | "text" | "kind" | "at" | "body">[];
    try {
      kept = JSON.parse(this.world.shelf?.getItem(this.shelfKey) ?? "[]") as typeof kept;
    } catch {
      return;
    }
    const arrived = new Set(this.thread.confirmed.map((message) => message.client_message_id));
    for (const one of kept) {
      if (arrived.has(one.id) || this.thread.find(one.id) !== undefined) continue;
      this.thread.hope({ ...one, file: null, state: "sending", seq: null, progress: 0, reason: null });
    }
    this.shelve();
    void this.pump();
  }

  private get shelfKey(): string {
    return `frontline:${this.world.channelKey}:sending`;
  }

  private change(): void {
    if (this.announced) return;
    this.announced = true;
    queueMicrotask(() => {
      this.announced = false;
      this.listener?.changed();
    });
  }
}

function sleep(ms: number): Promise<void> {
  return ms <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms));
}

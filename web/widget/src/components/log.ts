/** The talk: messages in order, names once per run, times once per five minutes. Rows that did not change are not touched. */
import { ago, clock, exact } from "../../../shared/ts/time";
import { CHOICE_HUMAN, type Message } from "../api/types";
import { messageRow, pendingMark, pendingRow, rowKeyOf } from "./bubble";
import { fill, h, say } from "./dom";
import type { Kit } from "./kit";
import { Rows, type Row } from "./rows";

const TIME_EVERY_MS = 5 * 60_000;
/** As near to the end as this counts as being there. */
const NEAR_END_PX = 80;

export class Log {
  readonly element: HTMLElement;
  private readonly list: HTMLElement;
  private readonly typing: HTMLElement;
  private readonly earlier: HTMLButtonElement;
  private readonly below: HTMLButtonElement;
  private readonly rows: Rows;
  /** Whether the window goes along when something is added; the customer's own scrolling decides. */
  private follows = true;
  private lastTop = 0;

  constructor(
    private readonly kit: Kit,
    /** Greeting and suggestions; they stand above the talk. */
    private readonly head: HTMLElement,
    /** Survey and the like; they stand below it. */
    private readonly foot: HTMLElement,
  ) {
    const { t } = kit;
    this.list = h("div", { class: "rows", role: "log", "aria-live": "polite", "aria-relevant": "additions", "aria-label": t("log") });
    this.rows = new Rows(this.list);
    this.typing = h("div", { class: "typing", role: "status" });
    this.earlier = h("button", { class: "text-button earlier", type: "button", hidden: true, onclick: () => void this.showEarlier() }, t("earlier"));
    this.below = h("button", { class: "below", type: "button", hidden: true, onclick: () => this.toEnd() }, t("newMessages"));
    this.element = h(
      "div",
      { class: "log", tabindex: "0", role: "region", "aria-label": t("log"), onscroll: () => this.scrolled() },
      this.earlier,
      this.head,
      this.list,
      this.typing,
      this.foot,
      this.below,
    );
    // Who unfolds the steps wants to read them from the top.
    this.list.addEventListener("click", (event) => {
      if (event.target instanceof Element && event.target.closest(".fold") !== null) this.follows = false;
    }, { capture: true });
    // Cards grow and the queue takes room from below: who was at the end stays there.
    const watch = new ResizeObserver(() => {
      if (this.follows) this.toEnd();
    });
    for (const part of [this.element, this.list, this.foot, this.typing]) watch.observe(part);
  }

  get isAtEnd(): boolean {
    const { scrollTop, clientHeight, scrollHeight } = this.element;
    return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }

  toEnd(): void {
    this.follows = true;
    this.element.scrollTop = this.element.scrollHeight;
  }

  update(): void {
    const { chat } = this.kit;
    this.earlier.hidden = chat.thread.beginsAfter === 0 || chat.phase !== "ready";
    this.earlier.disabled = chat.loadingEarlier;
    const added = this.rows.show(this.described());
    this.showTyping();
    if (added === null) return;
    if (this.follows || added.classList.contains("own")) this.reveal(added);
    else this.below.hidden = false;
  }

  /** The end, or the beginning of what was added when it is taller than the window: people read from the top. */
  private reveal(added: HTMLElement): void {
    this.toEnd();
    this.below.hidden = true;
    if (added.offsetHeight <= this.element.clientHeight) return;
    this.follows = false;
    this.element.scrollTop = added.offsetTop - 8;
  }

  private scrolled(): void {
    if (this.element.getClientRects().length === 0) return;
    const { scrollTop } = this.element;
    // Only a move upwards is the reader's; the end also runs away downwards, when something grows.
    if (this.isAtEnd) this.follows = true;
    else if (scrollTop < this.lastTop) this.follows = false;
    this.lastTop = scrollTop;
    if (!this.isAtEnd) return;
    this.below.hidden = true;
    if (document.visibilityState === "visible") this.kit.chat.sawAll();
  }

  private async showEarlier(): Promise<void> {
    this.follows = false;
    const fromEnd = this.element.scrollHeight - this.element.scrollTop;
    await this.kit.chat.loadEarlier().catch(() => undefined);
    this.update();
    this.element.scrollTop = this.element.scrollHeight - fromEnd;
  }

  private showTyping(): void {
    const { chat, t } = this.kit;
    const who = chat.typing;
    if (this.typing.dataset["who"] === (who ?? "")) return;
    this.typing.dataset["who"] = who ?? "";
    if (who === null) fill(this.typing);
    else {
      const label = t(who === "agent" ? "typingAgent" : "typingBot");
      fill(this.typing, h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")), h("span", {}, label));
    }
  }

  private described(): Row[] {
    const { kit } = this;
    const { thread, state } = kit.chat;
    const messages = thread.confirmed;
    const pending = thread.pending;
    const newest = messages.findLast((message) => message.kind !== "notice");
    const lastOwn = pending.length > 0 ? undefined : messages.findLast((message) => message.author === "customer");
    const rows: Row[] = [];
    let before: { author: string; at: number } | null = null;
    for (const message of messages) {
      const at = Date.parse(message.at);
      if (before === null || at - before.at >= TIME_EVERY_MS) {
        rows.push(this.timeRow(new Date(at), String(message.seq)));
        before = null;
      }
      const name = message.author !== before?.author && message.author !== "customer" ? this.nameOf(message) : null;
      const canChoose = message === newest && pending.length === 0;
      const offersPerson = canChoose && message.helpful === false && kit.chat.mode === "bot" && !offersHuman(message);
      const mark = message === lastOwn && message === newest ? kit.t((state?.read_seq ?? 0) >= message.seq ? "read" : "sent") : null;
      rows.push(messageRow(kit, message, { name, canChoose, offersPerson, mark }));
      before = { author: message.author, at };
    }
    for (const one of pending) rows.push(pendingRow(kit, one));
    return rows;
  }

  private timeRow(at: Date, key: string): Row {
    const { language } = this.kit;
    const now = new Date();
    const day = now.getTime() - at.getTime() < 12 * 3_600_000 ? "" : `${ago(at, now, language).replace(/ ?\d\d:\d\d$/, "")} `;
    const text = `${/[前o]$|刚刚/.test(day.trim()) ? "" : day}${clock(at, language)}`;
    return { key: `t${key}`, look: "time", parts: [{ slot: "line", made: text, build: () => h("span", { title: exact(at, language) }, text) }] };
  }

  private nameOf(message: Message): string | null {
    const { chat, t } = this.kit;
    if (message.author === "bot") return t("bot");
    if (message.author === "agent") return message.agent_name ?? chat.state?.agent_name ?? t("agentSub");
    return null;
  }

  /** The words under a picture on its way change often; only they are touched. */
  updateProgress(): void {
    for (const pending of this.kit.chat.thread.pending) {
      const row = this.rows.find(rowKeyOf(pending.id));
      const bar = row?.querySelector("progress");
      if (bar) bar.value = pending.progress;
      const mark = row?.querySelector(".mark:not(.bad)");
      if (mark) say(mark, pendingMark(this.kit, pending));
    }
  }
}

function offersHuman(message: Message): boolean {
  return message.choices?.some((choice) => choice.id === CHOICE_HUMAN) === true;
}

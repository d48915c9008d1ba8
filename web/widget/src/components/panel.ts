/** The open chat: head, tabs, the talk, the field. */
import type { Message } from "../api/types";
import type { View } from "../more/contract";
import { Composer } from "./composer";
import { fill, h, say } from "./dom";
import { Head } from "./head";
import type { Kit } from "./kit";
import { Log } from "./log";
import { QueueCard } from "./queue";

/** A skeleton that flashes by disturbs more than a short wait. */
const SKELETON_AFTER_MS = 200;

export class Panel {
  readonly element: HTMLElement;
  readonly composer: Composer;
  private readonly head: Head;
  private readonly log: Log;
  private readonly queue: QueueCard;
  private readonly bar = h("div", { class: "bar", role: "status", hidden: true });
  private readonly welcome = h("div", { class: "welcome" });
  private readonly foot = h("div", { class: "foot" });
  private readonly consent = h("div", { class: "consent" });
  private readonly trouble = h("div", { class: "trouble", role: "alert", hidden: true });
  private readonly skeleton = h("div", { class: "skeleton", "aria-hidden": "true", hidden: true }, h("i"), h("i"), h("i"));
  private readonly chatPage: HTMLElement;
  private readonly ticketPage = h("div", { class: "page", role: "tabpanel", id: "tickets", "aria-labelledby": "tab-tickets", hidden: true });
  private readonly tabs: { chat: HTMLButtonElement; tickets: HTMLButtonElement };
  private readonly ticketCount = h("span", { class: "count-badge", hidden: true });
  private tickets: View | null = null;
  private surveyFor: string | null = null;
  private surveyView: View | null = null;
  private contactOpen = false;
  private welcomeShown = "";

  constructor(
    private readonly kit: Kit,
    drafts: { get(): string; set(text: string): void },
    close: () => void,
  ) {
    const { t } = kit;
    this.composer = new Composer(kit, drafts);
    this.head = new Head(kit, { close, toChat: () => this.show("chat"), askHead: (serial) => void this.askHead(serial), testSpeed: () => void this.testSpeed() });
    this.log = new Log(kit, this.welcome, this.foot);
    this.queue = new QueueCard(kit, () => void this.askContact());
    this.chatPage = h(
      "div",
      { class: "page", role: "tabpanel", id: "chat", "aria-labelledby": "tab-chat" },
      this.trouble,
      this.skeleton,
      this.log.element,
      this.queue.element,
      this.composer.element,
      this.consent,
    );
    const tab = (name: "chat" | "tickets", ...words: (Node | string)[]): HTMLButtonElement =>
      h(
        "button",
        { role: "tab", type: "button", id: `tab-${name}`, "aria-controls": name, onclick: () => this.show(name), onkeydown: (event: KeyboardEvent) => this.tabKey(event) },
        ...words,
      );
    this.tabs = { chat: tab("chat", t("tabChat")), tickets: tab("tickets", t("tabTickets"), this.ticketCount) };
    this.element = h(
      "section",
      {
        class: "panel",
        role: "dialog",
        "aria-label": t("panel"),
        hidden: true,
        onkeydown: (event: KeyboardEvent) => {
          if (event.key === "Escape" && !event.isComposing) close();
        },
        ondragover: (event: DragEvent) => this.dragged(event),
        ondragleave: (event: DragEvent) => this.dragged(event),
        ondrop: (event: DragEvent) => this.dropped(event),
      },
      this.head.element,
      h("div", { class: "tabs", role: "tablist" }, this.tabs.chat, this.tabs.tickets),
      this.bar,
      this.chatPage,
      this.ticketPage,
      h("div", { class: "drop-hint", "aria-hidden": "true" }, t("dropHere")),
    );
    this.show("chat");
  }

  opened(): void {
    this.composer.fit();
    this.log.toEnd();
    this.update();
    if (this.log.isAtEnd) this.kit.chat.sawAll();
  }

  /** The customer looks at the talk now, so what stands there is read. */
  get isReading(): boolean {
    return !this.element.hidden && !this.chatPage.hidden && document.visibilityState === "visible" && this.log.isAtEnd;
  }

  arrived(_messages: readonly Message[]): void {
    if (this.isReading) this.kit.chat.sawAll();
    if (!this.ticketPage.hidden) this.tickets?.refresh?.();
  }

  update(): void {
    const { chat, t } = this.kit;
    this.head.update();
    this.showBar();
    this.showTrouble();
    this.showWelcome();
    this.showConsent();
    this.queue.update();
    this.composer.update();
    this.showSurvey();
    this.showContact();
    this.log.update();
    this.log.updateProgress();
    const news = chat.unreadTickets;
    this.ticketCount.hidden = news === 0;
    say(this.ticketCount, String(news));
    this.ticketCount.setAttribute("aria-label", t("unreadTickets", { count: news }));
    if (this.isReading) chat.sawAll();
  }

  show(name: "chat" | "tickets"): void {
    const inChat = name === "chat";
    this.chatPage.hidden = !inChat;
    this.ticketPage.hidden = inChat;
    for (const [key, tab] of Object.entries(this.tabs)) {
      tab.setAttribute("aria-selected", String(key === name));
      tab.tabIndex = key === name ? 0 : -1;
    }
    if (inChat) this.log.toEnd();
    else void this.showTickets();
  }

  private async showTickets(): Promise<void> {
    if (this.tickets !== null) {
      this.tickets.refresh?.();
      return;
    }
    const { t } = this.kit;
    try {
      this.tickets = (await this.kit.more()).tickets();
      fill(this.ticketPage, this.tickets.element);
    } catch {
      const again = h("button", { class: "small", type: "button", onclick: () => void this.showTickets() }, t("again"));
      fill(this.ticketPage, h("div", { class: "trouble" }, h("p", {}, t("loadFailed")), again));
    }
  }

  private async askHead(serial: string): Promise<void> {
    this.show("tickets");
    await this.showTickets();
    this.tickets?.askHead?.(serial);
  }

  private async askContact(): Promise<void> {
    if (this.contactOpen) return;
    this.contactOpen = true;
    const more = await this.kit.more().catch(() => null);
    if (more === null) {
      this.contactOpen = false;
      return;
    }
    const view = more.contact((left) => {
      if (!left) view.element.remove();
      this.contactOpen = false;
    });
    this.putInFoot(view);
  }

  private async testSpeed(): Promise<void> {
    this.show("chat");
    const more = await this.kit.more().catch(() => null);
    if (more !== null) this.putInFoot(more.speedTest());
  }

  private putInFoot(view: View): void {
    this.foot.append(view.element);
    this.log.toEnd();
    view.element.querySelector<HTMLElement>("input, button")?.focus({ preventScroll: true });
  }

  private showSurvey(): void {
    const serial = this.kit.chat.state?.survey?.ticket_serial ?? null;
    if (serial === this.surveyFor) return;
    this.surveyFor = serial;
    if (serial === null) return;
    void this.kit.more().then(
      (more) => {
        // Thanks for an earlier answer say what no longer holds.
        this.surveyView?.element.remove();
        this.surveyView = more.survey(serial, () => undefined);
        this.foot.append(this.surveyView.element);
        this.log.toEnd();
      },
      () => {
        this.surveyFor = null;
      },
    );
  }

  /** Offered once as a line; the form itself opens on a tap, so that nobody is made to fill it in. */
  private showContact(): void {
    const { chat, t } = this.kit;
    const wanted = chat.state?.contact_wanted === true && !this.contactOpen;
    const offer = this.foot.querySelector(".contact-offer");
    if (!wanted) {
      offer?.remove();
      return;
    }
    if (offer !== null || this.foot.querySelector(".contact") !== null) return;
    this.foot.append(
      h(
        "div",
        { class: "contact-offer" },
        h("span", {}, t("contactWanted")),
        h("button", { class: "small", type: "button", onclick: () => void this.askContact().then(() => this.showContact()) }, t("contactLeave")),
      ),
    );
    this.log.toEnd();
  }

  private showBar(): void {
    const { chat, t } = this.kit;
    const { state } = chat.link;
    const text = state === "refused" ? t("refused") : state === "lost" ? t(navigator.onLine ? "lost" : "offline") : "";
    this.bar.hidden = text === "";
    say(this.bar, text);
  }

  private showTrouble(): void {
    const { chat, t } = this.kit;
    const failed = chat.phase === "failed";
    if (failed && this.trouble.hidden) {
      const again = h("button", { class: "small", type: "button", onclick: () => void chat.open().catch(() => undefined) }, t("again"));
      fill(this.trouble, h("strong", {}, t(chat.failure === "missing" || chat.failure === "unauthorized" ? "refused" : "loadFailed")), h("p", {}, t("loadFailedWhy")), again);
    }
    this.trouble.hidden = !failed;
    this.log.element.hidden = failed;
    const loads = chat.phase === "loading" && chat.thread.isEmpty && chat.config === null;
    if (!loads) this.skeleton.hidden = true;
    else if (this.skeleton.hidden) {
      setTimeout(() => (this.skeleton.hidden = !(chat.phase === "loading" && chat.thread.isEmpty && chat.config === null)), SKELETON_AFTER_MS);
    }
  }

  private showWelcome(): void {
    const { chat, t } = this.kit;
    const { config } = chat;
    // Who comes back sees where the talk stopped, not the greeting again.
    const shown = config === null || chat.thread.beginsAfter > 0 ? "" : chat.thread.isEmpty ? "all" : "greeting";
    if (shown === this.welcomeShown || config === null) return;
    this.welcomeShown = shown;
    const greeting = h("div", { class: "row bot" }, h("div", { class: "name" }, t("bot")), h("div", { class: "line" }, h("div", { class: "bubble" }, config.greeting)));
    const hot = h(
      "div",
      { class: "hot" },
      h("div", { class: "hot-head" }, t("hot")),
      ...config.hot.slice(0, 4).map((one) => h("button", { type: "button", onclick: () => chat.sendText(one.label) }, one.label)),
    );
    fill(this.welcome, shown === "" ? null : greeting, shown === "all" && config.hot.length > 0 && hot);
  }

  private showConsent(): void {
    const { chat, t, base } = this.kit;
    if (chat.privacyUrl === null || this.consent.childNodes.length > 0) return;
    const link = h("a", { href: new URL(chat.privacyUrl, base).href, target: "_blank", rel: "noopener noreferrer" }, t("privacy"));
    fill(this.consent, t("consentLine"), " ", link);
  }

  private tabKey(event: KeyboardEvent): void {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other = this.chatPage.hidden ? "chat" : "tickets";
    this.show(other);
    this.tabs[other].focus();
  }

  private dragged(event: DragEvent): void {
    const files = event.dataTransfer?.types.includes("Files") === true;
    if (!files) return;
    event.preventDefault();
    const leaves = event.type === "dragleave" && !(event.relatedTarget instanceof Node && this.element.contains(event.relatedTarget));
    this.element.classList.toggle("dragging", !leaves);
  }

  private dropped(event: DragEvent): void {
    const files = [...(event.dataTransfer?.files ?? [])];
    this.element.classList.remove("dragging");
    if (files.length === 0) return;
    event.preventDefault();
    this.show("chat");
    this.composer.take(files);
  }
}

/** The custom element: a round button, and the panel that it opens. */
import { chooseLanguage, translator, type Language } from "../../../shared/ts/catalogue";
import tokens from "../../../shared/tokens.css?inline";
import { Client } from "../api/client";
import { readProfile } from "../api/profile";
import { en } from "../i18n/en";
import { zhCN } from "../i18n/zh-CN";
import { Chat } from "../models/chat";
import { Memory, shelfOrNull, type Shelf } from "../models/memory";
import type { More, MoreModule } from "../more/contract";
import styles from "../styles/chat.css?inline";
import controls from "../styles/controls.css?inline";
import { fill, h, sheet, sign } from "./dom";
import type { Kit } from "./kit";
import { Panel } from "./panel";

export interface Settings {
  readonly base: string;
  readonly channelKey: string;
  readonly language: Language;
  readonly theme: string | null;
  readonly position: "left" | "right";
  identity(): Promise<string>;
  loadMore(): Promise<MoreModule>;
}

export class FrontlineWidget extends HTMLElement {
  private chat: Chat | null = null;
  private panel: Panel | null = null;
  private launcher: HTMLButtonElement | null = null;
  private readonly badge = h("span", { class: "badge", "aria-hidden": "true", hidden: true });
  private kit: Kit | null = null;

  begin(settings: Settings): void {
    if (this.chat !== null) return;
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet(tokens), sheet(controls), sheet(styles)];
    if (settings.theme !== null) this.dataset["theme"] = settings.theme;
    this.dataset["position"] = settings.position;
    this.lang = settings.language;

    const tab = shelfOrNull(() => sessionStorage);
    const chat = new Chat({
      client: new Client(settings.base),
      memory: new Memory(shelfOrNull(() => localStorage), `frontline:${settings.channelKey}`),
      shelf: tab,
      channelKey: settings.channelKey,
      identity: () => settings.identity(),
      profile: readProfile,
      newId,
      now: () => Date.now(),
    });
    const kit: Kit = {
      chat,
      t: translator(settings.language === "zh-CN" ? zhCN : en),
      language: settings.language,
      base: settings.base,
      root,
      more: this.moreOnce(chat, settings, root),
    };
    this.chat = chat;
    this.kit = kit;
    this.panel = new Panel(kit, draftIn(tab, `frontline:${settings.channelKey}:draft`), () => this.close());
    this.launcher = h(
      "button",
      { class: "launcher", type: "button", "aria-expanded": "false", onclick: () => (this.isOpen ? this.close() : this.open()) },
    );
    root.append(this.panel.element, this.launcher);
    chat.listener = {
      changed: () => this.update(),
      arrived: (messages) => this.panel?.arrived(messages),
      returned: (text, kind, retryAfterS) => this.panel?.composer.giveBack(text, kind, retryAfterS),
      delivered: (text) => this.panel?.composer.accepted(text),
      holds: (text) => this.panel?.composer.holds(text) ?? false,
    };
    this.watchPage(chat);
    this.update();
    void chat.wake();
  }

  get isOpen(): boolean {
    return this.panel?.element.hidden === false;
  }

  open(): void {
    if (this.panel === null || this.isOpen) return;
    this.panel.element.hidden = false;
    this.classList.add("open");
    void this.chat?.open().catch(() => undefined);
    this.update();
    this.panel.opened();
    // A phone would cover half of the greeting with its keyboard.
    if (!matchMedia("(pointer: coarse)").matches) this.panel.composer.focus();
  }

  close(): void {
    if (this.panel === null || !this.isOpen) return;
    this.panel.element.hidden = true;
    this.classList.remove("open");
    this.update();
    this.launcher?.focus();
  }

  ask(text: string): void {
    this.open();
    void this.chat?.open().then(
      () => this.chat?.sendText(text),
      () => undefined,
    );
  }

  refreshIdentity(): Promise<void> {
    return this.chat?.restart() ?? Promise.resolve();
  }

  private update(): void {
    const { chat, kit, launcher, panel } = this;
    if (chat === null || kit === null || launcher === null || panel === null) return;
    const { isOpen } = this;
    const unread = isOpen ? 0 : chat.unread + (chat.unread === 0 ? chat.unreadTickets : 0);
    if (launcher.dataset["open"] !== String(isOpen)) {
      fill(launcher, sign(isOpen ? "down" : "chat", 26), this.badge);
      launcher.dataset["open"] = String(isOpen);
      launcher.setAttribute("aria-expanded", String(isOpen));
    }
    this.badge.hidden = unread === 0;
    this.badge.textContent = unread > 99 ? "99+" : String(unread);
    launcher.setAttribute("aria-label", unread > 0 ? kit.t("launcherUnread", { count: unread }) : kit.t(isOpen ? "close" : "launcher"));
    if (isOpen) panel.update();
  }

  private watchPage(chat: Chat): void {
    addEventListener("online", () => chat.link.hurry());
    addEventListener("offline", () => chat.link.networkLost());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState !== "visible") return;
      chat.link.hurry();
      this.update();
    });
    // The keyboard of a phone takes room from the window without telling the page's layout.
    const viewport = window.visualViewport;
    const fit = (): void => {
      if (viewport !== null) this.style.setProperty("--window", `${Math.round(viewport.height)}px`);
    };
    viewport?.addEventListener("resize", fit);
    fit();
  }

  private moreOnce(chat: Chat, settings: Settings, root: ShadowRoot): () => Promise<More> {
    let loaded: Promise<More> | null = null;
    return () =>
      (loaded ??= settings
        .loadMore()
        .then((module) =>
          module.start({
            client: chat.client,
            language: settings.language,
            root,
            token: () => chat.session.token(),
            privacyUrl: () => (chat.privacyUrl === null ? null : new URL(chat.privacyUrl, settings.base).href),
            sendText: (text) => chat.sendText(text),
            leaveContact: (contact) => chat.leaveContact(contact),
          }),
        )
        .catch((error: unknown) => {
          loaded = null;
          throw error;
        }));
  }
}

export function languageOf(wish: string | null): Language {
  return chooseLanguage([wish, document.documentElement.lang, ...navigator.languages].filter((one): one is string => !!one));
}

function draftIn(shelf: Shelf | null, key: string): { get(): string; set(text: string): void } {
  return {
    get: () => shelf?.getItem(key) ?? "",
    set: (text) => {
      try {
        if (text === "") shelf?.removeItem(key);
        else shelf?.setItem(key, text);
      } catch {
        // A full store costs the draft of the next page view only.
      }
    },
  };
}

/** crypto.randomUUID is missing on pages without TLS, where the demo and test sites live. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

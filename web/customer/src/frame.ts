/** What all customer pages share: language, the words of the frame, and the states that every page has. */
import "@fontsource-variable/noto-sans-sc/index.css";
import "../../shared/tokens.css";
import "../../widget/src/styles/controls.css";
import "../../widget/src/styles/more.css";
import "./styles/page.css";
import { chooseLanguage, translator } from "../../shared/ts/catalogue";
import { asRefusal } from "../../widget/src/api/refusal";
import { fill, h, type Child } from "../../widget/src/components/dom";
import { moreEn } from "../../widget/src/i18n/more.en";
import { moreZhCN } from "../../widget/src/i18n/more.zh-CN";
import { en } from "./i18n/en";
import { zhCN, type PageKey } from "./i18n/zh-CN";

const SKELETON_AFTER_MS = 200;

/** `?lang=en` wins over the browser's wish. */
export const language = chooseLanguage([new URLSearchParams(location.search).get("lang") ?? "", ...navigator.languages].filter(Boolean));
export const t = translator(language === "zh-CN" ? zhCN : en);
/** The words of tickets and surveys, which the chat has as well. */
export const tMore = translator(language === "zh-CN" ? moreZhCN : moreEn);

const found = document.querySelector<HTMLElement>("#page");
if (found === null) throw new Error("the page has no #page");
export const page: HTMLElement = found;

document.documentElement.lang = language;
for (const element of document.querySelectorAll<HTMLElement>("[data-t]")) element.textContent = t(element.dataset["t"] as PageKey);

export function titled(text: string): void {
  document.title = text;
}

/** Load, then show; a skeleton when it takes a while, and a way out when it fails. */
export async function load<Value>(get: () => Promise<Value>, show: (value: Value) => void, gone: { head: PageKey; why: PageKey }): Promise<void> {
  const timer = setTimeout(() => fill(page, h("div", { class: "skeleton", "aria-label": t("loading"), role: "status" }, h("i"), h("i"), h("i"))), SKELETON_AFTER_MS);
  try {
    const value = await get();
    clearTimeout(timer);
    show(value);
  } catch (error) {
    clearTimeout(timer);
    const missing = asRefusal(error).kind === "missing";
    if (missing) fill(page, trouble(t(gone.head), t(gone.why), h("a", { class: "small", href: "/help" }, t("toHelp"))));
    else fill(page, trouble(t("failed"), t("failedWhy"), h("button", { class: "small", type: "button", onclick: () => void load(get, show, gone) }, t("again"))));
  }
}

export function trouble(head: string, why: string, act: Child = null): HTMLElement {
  return h("div", { class: "trouble", role: "alert" }, h("strong", {}, head), h("p", {}, why), act);
}

/** The last part of the page's address. */
export function lastPart(): string {
  return decodeURIComponent(location.pathname.split("/").filter(Boolean).at(-1) ?? "");
}

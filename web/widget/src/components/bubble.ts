/** One message as an element. It is made anew when what it shows changes, and left alone otherwise. */
import { buildRich, fold, parseRich, safeAddress, type RichNode } from "../../../shared/ts/rich";
import { exact } from "../../../shared/ts/time";
import { CHOICE_HUMAN, type Choice, type Message } from "../api/types";
import type { Pending } from "../models/thread";
import { fill, h, say, sign, type Child } from "./dom";
import type { Kit } from "./kit";
import { attachmentView, pendingFileView } from "./media";

export interface Setting {
  /** The sender's name, when this message begins a run. */
  readonly name: string | null;
  /** Only the newest message can be answered by a tap. */
  readonly canChoose: boolean;
  /** The newest answer did not help and a person was not among its choices. */
  readonly offersPerson: boolean;
  /** 已送达 or 已读, on the last own message. */
  readonly mark: string | null;
}

/** What was said. It is made once and moved when the row around it changes, so that an open fold stays open. */
export function bodyOf(kit: Kit, message: Message): HTMLElement {
  if (message.attachment) return attachmentView(kit, message.attachment);
  if (message.payload?.type === "speed_test") return speedCard(kit, message);
  if (message.author !== "customer" && message.html) return answerView(kit, message, message.html);
  return h("div", { class: "bubble" }, linked(message.text));
}

export function pendingBodyOf(kit: Kit, pending: Pending): HTMLElement {
  const { file } = pending;
  return file === null ? h("div", { class: "bubble" }, linked(pending.text)) : pendingFileView(kit, { ...pending, file });
}

export function messageView(kit: Kit, message: Message, setting: Setting, body: HTMLElement): HTMLElement {
  const at = new Date(message.at);
  if (message.kind === "notice") {
    return h("div", { class: "notice", title: exact(at, kit.language) }, message.text);
  }
  return h(
    "div",
    { class: `row ${message.author === "customer" ? "own" : message.author}` },
    setting.name === null ? null : h("div", { class: "name" }, setting.name),
    h("div", { class: "line", title: exact(at, kit.language) }, body),
    message.answer === true ? thumbs(kit, message) : null,
    setting.canChoose ? choicesView(kit, message.choices ?? []) : null,
    setting.offersPerson ? choicesView(kit, [{ id: CHOICE_HUMAN, label: kit.t("human") }]) : null,
    setting.mark === null ? null : h("div", { class: "mark" }, setting.mark),
  );
}

export function pendingView(kit: Kit, pending: Pending, body: HTMLElement): HTMLElement {
  const { chat, t } = kit;
  const failed = pending.state === "failed";
  const progress = pending.state === "uploading" ? h("progress", { max: 1, value: pending.progress, "aria-label": t("send") }) : null;
  return h(
    "div",
    { class: `row own ${failed ? "failed" : "hoped"}` },
    h("div", { class: "line" }, body),
    progress,
    failed
      ? h(
          "div",
          { class: "mark bad" },
          sign("warn", 14),
          h("span", {}, t(pending.file === null ? "failed" : "fileFailed")),
          h("button", { class: "text-button", type: "button", onclick: () => chat.retry(pending.id) }, t("retry")),
          h("button", { class: "text-button", type: "button", onclick: () => chat.discard(pending.id) }, t("discard")),
        )
      : h("div", { class: "mark" }, pendingMark(kit, pending)),
  );
}

export function pendingMark(kit: Kit, pending: Pending): string {
  if (pending.state === "uploading") return kit.t("uploading", { percent: Math.floor(pending.progress * 100) });
  return kit.t(pending.state === "sent" ? "sent" : "sending");
}

/** An answer: title where there is one, the short part at once, the steps behind a fold, the source under it. */
function answerView(kit: Kit, message: Message, html: string): HTMLElement {
  const { t } = kit;
  const articles = message.articles ?? [];
  const { short, rest } = fold(parseRich(html));
  const card = h("div", { class: "bubble answer" });
  const first = articles[0];
  const parts: Child[] = [];
  if (first !== undefined && message.answer === true) parts.push(h("div", { class: "answer-title" }, first.title));
  parts.push(h("div", { class: "rich" }, rich(kit, short)));
  if (rest.length > 0) parts.push(...foldView(kit, rest));
  if (articles.length > 0) {
    parts.push(
      h(
        "div",
        { class: "sources" },
        h("span", {}, t(message.answer === true ? "source" : "related")),
        ...articles.map((article) => outLink(article.title, new URL(article.url, kit.base).href)),
      ),
    );
  }
  fill(card, ...parts);
  return card;
}

function foldView(kit: Kit, rest: readonly RichNode[]): HTMLElement[] {
  const { t } = kit;
  const steps = h("div", { class: "rich steps", hidden: true }, rich(kit, rest));
  const words = h("span", {}, t("steps"));
  const button = h("button", { class: "text-button fold", type: "button", "aria-expanded": "false" }, words, sign("down", 16));
  button.onclick = () => {
    steps.hidden = !steps.hidden;
    button.setAttribute("aria-expanded", String(!steps.hidden));
    say(words, t(steps.hidden ? "steps" : "stepsFold"));
  };
  return [steps, button];
}

/** Pictures of answers are loaded like any others; where the site forbids them, their description stands. */
function rich(kit: Kit, nodes: readonly RichNode[]): DocumentFragment {
  const fragment = buildRich(nodes, kit.base);
  for (const image of fragment.querySelectorAll("img")) {
    image.onerror = () => image.replaceWith(h("em", {}, image.alt || kit.t("picture")));
  }
  return fragment;
}

function thumbs(kit: Kit, message: Message): HTMLElement {
  const { chat, t } = kit;
  const said = message.helpful ?? null;
  const thumb = (helpful: boolean): HTMLElement =>
    h(
      "button",
      {
        class: "thumb",
        type: "button",
        "aria-pressed": String(said === helpful),
        onclick: () => void chat.judge(message.seq, helpful).catch(() => undefined),
      },
      sign(helpful ? "up" : "notUp", 16),
      t(helpful ? "helpful" : "unhelpful"),
    );
  return h(
    "div",
    { class: "thumbs" },
    thumb(true),
    thumb(false),
    said === null ? null : h("span", { class: "thanks", role: "status" }, t(said ? "thanksHelpful" : "thanksUnhelpful")),
  );
}

function choicesView(kit: Kit, choices: readonly Choice[]): HTMLElement | null {
  if (choices.length === 0) return null;
  return h(
    "div",
    { class: "choices" },
    ...choices.map((choice) =>
      h("button", { class: `choice ${choice.id}`, type: "button", onclick: () => kit.chat.choose(choice) }, choice.label),
    ),
  );
}

function speedCard(kit: Kit, message: Message): HTMLElement {
  const card = h("div", { class: "bubble" }, h("p", {}, message.text));
  const place = h("div", {});
  card.append(place);
  void kit.more().then(
    (more) => fill(place, more.speedTest().element),
    () => undefined,
  );
  return card;
}

/** Plain text with its web addresses made into links. */
function linked(text: string): DocumentFragment {
  const fragment = document.createDocumentFragment();
  for (const part of text.split(/(https?:\/\/[^\s<>"'，。！？；：、）】》]+)/)) {
    fragment.append(/^https?:/.test(part) && safeAddress(part, ["http:", "https:"]) !== null ? outLink(part, part) : part);
  }
  return fragment;
}

function outLink(label: string, address: string): HTMLAnchorElement {
  return h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, label);
}

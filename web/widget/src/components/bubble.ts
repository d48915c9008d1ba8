/** One message as the parts of a row. */
import { buildRich, fold, parseRich, safeAddress, type RichNode } from "../../../shared/ts/rich";
import { exact } from "../../../shared/ts/time";
import { CHOICE_HUMAN, type Choice, type Message } from "../api/types";
import type { Pending } from "../models/thread";
import { fill, h, say, sign, type Child } from "./dom";
import type { Kit } from "./kit";
import { attachmentView, pendingFileView } from "./media";
import type { Part, Row } from "./rows";

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

/** What the customer sent stands there from the moment of sending and is not made again when it is confirmed. */
const AS_SENT = "as sent";

export function messageRow(kit: Kit, message: Message, setting: Setting): Row {
  const own = message.author === "customer";
  const sentHere = own && message.client_message_id;
  const key = sentHere ? rowKeyOf(sentHere) : `s${message.seq}`;
  const title = exact(new Date(message.at), kit.language);
  if (message.kind === "notice") {
    return { key, look: "notice", parts: [{ slot: "line", made: message.text, build: () => h("span", { title }, message.text) }] };
  }
  const { text, html, articles, attachment } = message;
  const parts: Part[] = [];
  if (setting.name !== null) parts.push(words("name", setting.name));
  parts.push({
    slot: "line",
    made: sentHere ? AS_SENT : JSON.stringify([text, html, articles, attachment]),
    build: () => h("div", { class: "line", title }, bodyOf(kit, message)),
  });
  if (message.answer === true) parts.push({ slot: "thumbs", made: String(message.helpful), build: () => thumbs(kit, message) });
  // What a channel with buttons alone asks by buttons, the survey's own form asks here.
  const choices = setting.canChoose ? (message.choices ?? []).filter((choice) => !choice.id.startsWith("rating:")) : [];
  if (setting.offersPerson) choices.push({ id: CHOICE_HUMAN, label: kit.t("human") });
  if (choices.length > 0) parts.push({ slot: "choices", made: JSON.stringify(choices), build: () => choicesView(kit, choices) });
  if (setting.mark !== null) parts.push(words("mark", setting.mark));
  return { key, look: `row ${own ? "own" : message.author}`, parts };
}

export function pendingRow(kit: Kit, pending: Pending): Row {
  const { chat, t } = kit;
  const { file, state } = pending;
  const failed = state === "failed";
  const body = (): HTMLElement => (file === null ? h("div", { class: "bubble" }, linked(pending.text)) : pendingFileView(kit, { ...pending, file }));
  const parts: Part[] = [{ slot: "line", made: AS_SENT, build: () => h("div", { class: "line" }, body()) }];
  if (state === "uploading") {
    parts.push({ slot: "progress", made: "", build: () => h("progress", { max: 1, value: pending.progress, "aria-label": t("attach") }) });
  }
  const act = (label: "retry" | "discard", run: () => void): HTMLElement => h("button", { class: "text-button", type: "button", onclick: run }, t(label));
  if (failed) {
    parts.push({
      slot: "failure",
      made: "",
      build: () =>
        h(
          "div",
          { class: "mark bad" },
          sign("warn", 14),
          h("span", {}, t(file === null ? "failed" : "fileFailed")),
          act("retry", () => chat.retry(pending.id)),
          act("discard", () => chat.discard(pending.id)),
        ),
    });
  } else {
    // How much has gone out changes many times a second; the log writes it into this part.
    parts.push({ ...words("mark", pendingMark(kit, pending)), made: state });
  }
  return { key: rowKeyOf(pending.id), look: `row own ${failed ? "failed" : "hoped"}`, parts };
}

export function rowKeyOf(clientMessageId: string): string {
  return `c${clientMessageId}`;
}

/** Small print beside a message. A screen reader that follows the talk need not read it aloud each time. */
function words(slot: "name" | "mark", text: string): Part {
  return { slot, made: text, build: () => h("div", { class: slot, "aria-live": slot === "mark" ? "off" : null }, text) };
}

function bodyOf(kit: Kit, message: Message): HTMLElement {
  if (message.attachment) return attachmentView(kit, message.attachment);
  if (message.payload?.type === "speed_test") return speedCard(kit, message);
  if (message.author !== "customer" && message.html) return answerView(kit, message, message.html);
  return h("div", { class: "bubble" }, linked(message.text));
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

function choicesView(kit: Kit, choices: readonly Choice[]): HTMLElement {
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

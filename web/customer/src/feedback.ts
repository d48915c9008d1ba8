/** `/feedback`: what happened, pictures of it, how to reach you; a number to ask by. Phones first, also in an app's web view. */
import "./styles/feedback.css";
import { asRefusal } from "../../widget/src/api/refusal";
import { fill, h, say, sign } from "../../widget/src/components/dom";
import { giveFeedback, search, type Feedback, type FeedbackKind } from "./api";
import { FeedbackFiles } from "./feedback_files";
import { page, t, titled } from "./frame";
import type { PageKey } from "./i18n/zh-CN";
import { faultOf, KINDS, prefillOf, questionOf, TEXT_MOST_CHARACTERS, TITLE_MOST_CHARACTERS, type Fault, type Written } from "./models/feedback";

const SEARCH_PAUSE_MS = 500;
const MOST_SUGGESTED = 3;
const DRAFT = "frontline.feedback";
const LABELS: Readonly<Record<FeedbackKind, PageKey>> = { problem: "kindProblem", suggestion: "kindSuggestion", report: "kindReport", praise: "kindPraise" };
const HINTS: Readonly<Record<FeedbackKind, PageKey>> = { problem: "feedbackTextHint", suggestion: "feedbackTextHintSuggestion", report: "feedbackTextHintReport", praise: "feedbackTextHintPraise" };

const known = prefillOf(new URLSearchParams(location.search));
const channel = (): string => known.channel ?? document.body.dataset["channel"] ?? "";

interface Draft {
  readonly key: string;
  readonly title: string;
  readonly text: string;
}

/** What was begun survives a reload of the page; the key makes two taps one matter. */
function readDraft(): Draft {
  try {
    const found = JSON.parse(sessionStorage.getItem(DRAFT) ?? "null") as Partial<Draft> | null;
    if (found !== null && typeof found.key === "string") return { key: found.key, title: String(found.title ?? ""), text: String(found.text ?? "") };
  } catch {
    // A browser that keeps nothing begins anew.
  }
  return { key: freshKey(), title: "", text: "" };
}

function keepDraft(draft: Draft | null): void {
  try {
    if (draft === null) sessionStorage.removeItem(DRAFT);
    else sessionStorage.setItem(DRAFT, JSON.stringify(draft));
  } catch {
    // The page works without it.
  }
}

function freshKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");
}

function show(): void {
  const draft = readDraft();
  let kind = known.kind;
  const title = h("input", { type: "text", maxlength: TITLE_MOST_CHARACTERS, autocomplete: "off", placeholder: t("feedbackTitleHint"), value: draft.title });
  const text = h("textarea", { rows: 5, maxlength: TEXT_MOST_CHARACTERS, required: true, placeholder: t(HINTS[kind]) });
  text.value = draft.text;
  const count = h("small", { class: "count", "aria-hidden": "true" });
  const liveRoom = h("input", { type: "text", maxlength: 80, autocomplete: "off", value: known.liveRoom });
  const order = h("input", { type: "text", maxlength: 80, autocomplete: "off", value: known.orderNumber });
  const phone = h("input", { type: "tel", autocomplete: "tel", inputmode: "tel", maxlength: 20 });
  const email = h("input", { type: "email", autocomplete: "email", maxlength: 120 });
  const consent = h("input", { type: "checkbox" });
  const complaint = h("div", { class: "complaint", role: "alert" });
  const fileComplaint = h("div", { class: "complaint", role: "status" });
  const send = h("button", { class: "small main wide", type: "submit" }, t("feedbackSend"));
  const suggested = h("div", { class: "suggested", "aria-live": "polite" });
  const files = new FeedbackFiles(channel, (words) => say(fileComplaint, words));

  const kinds = KINDS.map((value) => {
    const choice = h("input", { type: "radio", name: "kind", value, checked: value === kind });
    choice.onchange = () => {
      kind = value;
      text.placeholder = t(HINTS[kind]);
    };
    return h("label", { class: "chip" }, choice, h("span", {}, t(LABELS[value])));
  });

  const suggest = suggester(suggested);
  const typed = (): void => {
    say(count, text.value.length > TEXT_MOST_CHARACTERS - 500 ? `${text.value.length}/${TEXT_MOST_CHARACTERS}` : "");
    keepDraft({ key: draft.key, title: title.value, text: text.value });
    suggest(questionOf(title.value, text.value));
  };
  for (const field of [title, text]) {
    field.addEventListener("input", (event) => {
      if (!(event as InputEvent).isComposing) typed();
    });
    field.addEventListener("compositionend", typed);
  }
  text.addEventListener("paste", (event) => {
    const pasted = [...(event.clipboardData?.files ?? [])];
    if (pasted.length === 0) return;
    event.preventDefault();
    files.add(pasted);
  });

  const places: Readonly<Record<Fault, HTMLElement>> = { feedbackTextNeed: text, phoneWrong: phone, emailWrong: email, feedbackConsentNeed: consent, feedbackFilesBusy: files.element };
  const submit = async (): Promise<void> => {
    const written: Written = { title: title.value, text: text.value, liveRoom: liveRoom.value, orderNumber: order.value, phone: phone.value, email: email.value, consent: consent.checked };
    const fault = faultOf(written, files.isBusy);
    say(complaint, fault === null ? "" : t(fault));
    if (fault !== null) {
      places[fault].focus();
      return;
    }
    send.disabled = true;
    send.textContent = t("feedbackSending");
    try {
      const { serial, url } = await giveFeedback(wireOf(kind, written, files.ids, draft.key));
      keepDraft(null);
      thank(serial, url ?? null);
    } catch (error) {
      const refusal = asRefusal(error);
      say(complaint, t(refusal.kind === "limited" ? "feedbackLimited" : refusal.kind === "missing" ? "feedbackFileGone" : refusal.kind === "invalid" ? "feedbackInvalid" : "feedbackFailed"));
      // Under the old key other words would be refused for good.
      if (refusal.kind === "conflict") keepDraft({ key: freshKey(), title: title.value, text: text.value });
      send.disabled = false;
      send.textContent = t("feedbackSend");
    }
  };

  const about = Object.values(known.told).join(" · ");
  fill(
    page,
    h("h1", {}, t("feedbackHead")),
    h("p", { class: "lead" }, t("feedbackWhy")),
    h(
      "form",
      {
        class: "form card feedback-form",
        novalidate: true,
        onsubmit: (event: SubmitEvent) => {
          event.preventDefault();
          if (!send.disabled) void submit();
        },
      },
      h("fieldset", {}, h("legend", {}, t("feedbackKind")), h("div", { class: "chips" }, ...kinds)),
      h("label", {}, h("span", {}, t("feedbackTitle")), title),
      h("label", {}, h("span", {}, t("feedbackText"), count), text),
      suggested,
      h("fieldset", {}, h("legend", {}, t("feedbackFiles")), files.element, h("p", { class: "hint" }, t("feedbackFilesHint")), fileComplaint),
      h(
        "details",
        { class: "more", open: known.liveRoom !== "" || known.orderNumber !== "" },
        h("summary", {}, t("feedbackMore")),
        h("div", { class: "two" }, h("label", {}, h("span", {}, t("feedbackLiveRoom")), liveRoom), h("label", {}, h("span", {}, t("feedbackOrder")), order)),
      ),
      h("fieldset", {}, h("legend", {}, t("feedbackContact")), h("div", { class: "two" }, h("label", {}, h("span", {}, t("feedbackPhone")), phone), h("label", {}, h("span", {}, t("feedbackEmail")), email))),
      h("label", { class: "consent-line" }, consent, h("span", {}, t("feedbackConsent"))),
      about === "" ? null : h("p", { class: "hint" }, t("feedbackTold", { about })),
      h("div", { class: "send-line" }, complaint, send),
    ),
  );
  typed();
}

function wireOf(kind: FeedbackKind, written: Written, attachments: string[], key: string): Feedback {
  const said = (value: string): string | undefined => value.trim() || undefined;
  const contact = said(written.phone) !== undefined || said(written.email) !== undefined;
  const all: Feedback = {
    channel_key: channel(),
    kind,
    text: written.text.trim(),
    title: said(written.title),
    live_room: said(written.liveRoom),
    order_number: said(written.orderNumber),
    phone: said(written.phone),
    email: said(written.email),
    consent: contact ? true : undefined,
    attachments,
    source: known.source,
    idempotency_key: key,
    ...known.told,
  };
  return all;
}

/** Articles that may answer it already; the newest question wins, and silence is no fault. */
function suggester(place: HTMLElement): (question: string | null) => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asked: string | null = null;
  return (question) => {
    if (question === asked) return;
    asked = question;
    clearTimeout(timer);
    if (question === null) {
      fill(place);
      return;
    }
    timer = setTimeout(() => {
      search(question).then(
        (found) => {
          if (question !== asked) return;
          const few = found.slice(0, MOST_SUGGESTED);
          fill(
            place,
            few.length === 0 ? null : h("p", {}, sign("book", 16), t("feedbackSuggested")),
            few.length === 0 ? null : h("ul", {}, ...few.map((one) => h("li", {}, h("a", { href: `/help/${encodeURIComponent(one.article_id)}`, target: "_blank", rel: "noopener" }, one.title ?? one.question)))),
          );
        },
        () => fill(place),
      );
    }, SEARCH_PAUSE_MS);
  };
}

function thank(serial: string, url: string | null): void {
  fill(
    page,
    h(
      "div",
      { class: "card thanks-card", role: "status" },
      h("div", { class: "big-check" }, sign("check", 28)),
      h("h1", {}, t("feedbackThanks")),
      h("p", { class: "serial" }, t("feedbackSerial", { serial })),
      h("p", { class: "lead" }, t("feedbackSerialWhy")),
      h(
        "div",
        { class: "acts" },
        url === null ? null : h("a", { class: "small main", href: url }, t("feedbackFollow")),
        h("button", { class: "small", type: "button", onclick: show }, t("feedbackAnother")),
      ),
    ),
  );
  scrollTo(0, 0);
}

titled(t("feedback"));
show();

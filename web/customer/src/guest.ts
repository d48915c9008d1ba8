/** `/g/{token}`: one ticket for a colleague or partner who was let in, or for the head of the house. */
import "./styles/ticket-pages.css";
import { ago, dayTime, exact } from "../../shared/ts/time";
import { asRefusal } from "../../widget/src/api/refusal";
import { fill, h, say, sign } from "../../widget/src/components/dom";
import { language, lastPart, load, page, t, titled } from "./frame";
import { GuestApi, type HistoryLine, type Locked, type Matter, type Open, type TalkLine, type Word } from "./guest_api";

/** While the page is looked at, and nothing is being written, news appear by themselves. */
const LOOK_AGAIN_MS = 20_000;
const WORDS_MOST_CHARACTERS = 4_000;
/** A longer talk is folded, so that the field for the answer is in sight. */
const SHORT_TALK_LINES = 6;

const api = new GuestApi(lastPart());
let draft = "";
let toCustomer = false;
let opened: ReadonlySet<string> = new Set();

function show(found: Locked | Open): void {
  if (found.locked === true) showLock(found);
  else showOpen(found);
}

async function again(): Promise<void> {
  show(await api.page());
}

// The head of the house proves to be it.

function showLock(found: Locked): void {
  titled(t("headPage"));
  const complaint = h("div", { class: "complaint", role: "alert" });
  const said = h("p", { class: "form-why", role: "status" });
  const code = h("input", { type: "text", inputmode: "numeric", autocomplete: "one-time-code", maxlength: 6, "aria-label": t("headCode"), placeholder: t("headCode") });
  const attempt = (act: () => Promise<void>, done: () => void) => async (): Promise<void> => {
    say(complaint, "");
    try {
      await act();
      done();
    } catch (error) {
      const { kind } = asRefusal(error);
      say(complaint, t(kind === "limited" ? "headWait" : kind === "network" ? "failedWhy" : "headNotProven"));
    }
  };
  const button = (label: string, look: string, act: () => Promise<void>): HTMLElement => h("button", { class: look, type: "button", onclick: () => void act() }, label);
  const enter = (value: string) => attempt(async () => api.prove(value), () => void again());
  fill(
    page,
    h("h1", { class: "about" }, t("headHello", { name: found.name })),
    h(
      "form",
      {
        class: "form card",
        onsubmit: (event: SubmitEvent) => {
          event.preventDefault();
          void enter(code.value.trim())();
        },
      },
      h("p", { class: "lead" }, t("headLock")),
      found.by_code ? h("div", { class: "code-row" }, code, button(t("headSendCode"), "small", attempt(() => api.sendCode(), () => say(said, t("headCodeSent"))))) : null,
      found.by_code ? h("button", { class: "small main wide", type: "submit" }, t("headEnter")) : null,
      said,
      complaint,
      h("div", { class: "acts" }, button(t("headHere"), found.by_code ? "small" : "small main", enter("")), h("a", { class: "small", href: "/desk/", target: "_blank", rel: "noopener" }, t("headLogIn"))),
    ),
  );
}

// The matter.

function showOpen(found: Open): void {
  const { matter } = found;
  const head = found.kind === "executive";
  titled(`${matter.serial} ${matter.title}`);
  fill(
    page,
    h(
      "article",
      { class: "matter card" },
      h("h1", { class: "ticket-title" }, matter.title),
      h("div", { class: "ticket-meta" }, h("span", { class: "serial" }, matter.serial), h("span", {}, matter.state_text)),
      head ? askedView(found) : h("p", { class: "lead invited" }, t("guestInvited", { who: found.invited_by ?? t("guestTeam") })),
      matter.description === "" ? null : section(t("guestWhat"), h("p", { class: "said-text" }, matter.description)),
      section(t("guestFacts"), factsView(matter)),
      matter.solution === null ? null : section(t("guestResult"), h("p", { class: "said-text" }, matter.solution)),
      matter.surveys !== undefined && matter.surveys.length > 0 ? section(t("headSurveys"), surveysView(matter.surveys)) : null,
      matter.history === undefined ? null : fold("history", t("headHistory", { count: matter.history.length }), historyView(matter.history), head),
      fold("talk", t("guestTalk", { count: matter.talk.length }), talkView(matter.talk), !head && matter.talk.length <= SHORT_TALK_LINES),
    ),
    wordsView(found),
    head ? null : h("p", { class: "serial until" }, t("guestUntil", { when: dayTime(new Date(found.expires_at), language) })),
  );
}

function askedView(found: Open): HTMLElement {
  const due = found.due_at ?? null;
  const late = due !== null && (found.answered_at ?? null) === null && new Date(due) < new Date();
  const when = due === null ? "" : dayTime(new Date(due), language);
  const said = (found.answered_at ?? null) !== null ? t("headDone") : late ? t("headLate", { when }) : t("headDue", { when });
  return h(
    "div",
    { class: `asked ${late ? "late" : ""}` },
    h("strong", {}, t("headAsked")),
    h("blockquote", {}, found.asked ?? ""),
    h("span", {}, sign(late ? "warn" : "clock", 16), said),
  );
}

function section(head: string, body: HTMLElement): HTMLElement {
  return h("section", {}, h("h2", {}, head), body);
}

function fold(name: string, head: string, body: HTMLElement, open: boolean): HTMLElement {
  const details = h("details", { open: open || opened.has(name) }, h("summary", {}, head), body);
  details.ontoggle = () => {
    const now = new Set(opened);
    if (details.open) now.add(name);
    else now.delete(name);
    opened = now;
  };
  return details;
}

function factsView(matter: Matter): HTMLElement {
  const facts = [
    { label: t("guestCategory"), value: matter.category },
    { label: t("guestCustomer"), value: matter.customer },
    { label: t("guestChannel"), value: matter.channel },
    { label: t("guestReceived"), value: exact(new Date(matter.created_at), language).slice(0, 16) },
    ...matter.facts,
  ];
  return h("dl", { class: "facts" }, ...facts.flatMap((fact) => [h("dt", {}, fact.label), h("dd", {}, fact.value)]));
}

function surveysView(surveys: NonNullable<Matter["surveys"]>): HTMLElement {
  return h(
    "ul",
    { class: "survey-lines" },
    ...surveys.map((one) => {
      const solved = one.solved === null ? null : t(one.solved ? "headSolved" : "headUnsolved");
      return h("li", {}, [one.rating, solved, one.text].filter((each) => each !== null && each !== "").join(" · "));
    }),
  );
}

function when(at: string): HTMLElement {
  const moment = new Date(at);
  return h("time", { datetime: at, title: exact(moment, language) }, ago(moment, new Date(), language));
}

function historyView(lines: readonly HistoryLine[]): HTMLElement {
  return h(
    "ol",
    { class: "history" },
    ...lines.map((line) => h("li", {}, h("div", { class: "history-head" }, h("span", {}, `${line.who} · ${line.what}`), when(line.at)), line.text === "" ? null : h("div", { class: "history-text" }, line.text))),
  );
}

function talkView(lines: readonly TalkLine[]): HTMLElement {
  if (lines.length === 0) return h("p", { class: "form-why" }, t("guestTalkEmpty"));
  return h(
    "ol",
    { class: "history" },
    ...lines.map((line) => h("li", { class: line.author }, h("div", { class: "history-head" }, h("span", {}, line.name), when(line.at)), h("div", { class: "history-text" }, line.text))),
  );
}

// What is said.

function wordsView(found: Open): HTMLElement {
  const head = found.kind === "executive";
  return h(
    "section",
    { class: "words card", "aria-label": t(head ? "headAnswer" : "guestWords") },
    h("h2", {}, t(head ? "headAnswer" : "guestWords")),
    head ? null : h("ol", { class: "word-list" }, ...found.words.map(wordView)),
    head && !found.may_answer ? h("p", { class: "form-why" }, t("headNoChannel")) : null,
    composer(found, head),
  );
}

function wordView(word: Word): HTMLElement {
  return h(
    "li",
    { class: word.mine ? "word mine" : "word" },
    h("div", { class: "history-head" }, h("span", {}, word.mine ? t("guestMe") : word.name, word.to_customer ? h("em", {}, t("guestToCustomerMark")) : null), when(word.at)),
    h("div", { class: "history-text" }, word.text),
  );
}

function composer(found: Open, head: boolean): HTMLElement {
  const text = h("textarea", { rows: 4, maxlength: WORDS_MOST_CHARACTERS, placeholder: t(head ? "headAnswerHint" : "guestHint"), "aria-label": t(head ? "headAnswerHint" : "guestHint") });
  text.value = draft;
  text.oninput = () => (draft = text.value);
  const status = h("p", { class: "form-why", role: "status" });
  const complaint = h("div", { class: "complaint", role: "alert" });
  const send = h("button", { class: "small main wide", type: "submit" }, t(head ? "headSend" : toCustomer ? "guestSendCustomer" : "guestSend"));
  const choice = (value: boolean, label: string): HTMLElement => {
    const input = h("input", { type: "radio", name: "to", checked: toCustomer === value });
    input.onchange = () => {
      toCustomer = value;
      say(send, t(value ? "guestSendCustomer" : "guestSend"));
    };
    return h("label", { class: "chip" }, input, h("span", {}, label));
  };
  const submit = async (): Promise<void> => {
    const words = text.value.trim();
    say(complaint, words === "" ? t("guestNeed") : "");
    if (words === "") {
      text.focus();
      return;
    }
    send.disabled = true;
    try {
      await api.say(words, toCustomer && found.may_answer);
    } catch (error) {
      const { kind } = asRefusal(error);
      say(complaint, t(kind === "missing" ? "linkGone" : kind === "unauthorized" ? "headNotProven" : "guestFailed"));
      send.disabled = false;
      return;
    }
    draft = "";
    await again().catch(() => undefined);
    document.querySelector<HTMLElement>(".words .form-why[role=status]")?.replaceChildren(t(head ? "headSentDone" : "guestSent"));
  };
  return h(
    "form",
    {
      class: "form",
      onsubmit: (event: SubmitEvent) => {
        event.preventDefault();
        void submit();
      },
    },
    !head && found.may_answer ? h("div", { class: "chips", role: "radiogroup", "aria-label": t("guestTo") }, choice(false, t("guestToTeam")), choice(true, t("guestToCustomer"))) : null,
    text,
    complaint,
    status,
    send,
  );
}

void load(() => api.page(), show, { head: "linkGone", why: "guestGoneWhy" });
setInterval(() => {
  if (document.visibilityState === "visible" && draft === "" && document.querySelector(".words") !== null) void again().catch(() => undefined);
}, LOOK_AGAIN_MS);

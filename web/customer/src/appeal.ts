/** `/appeal/{token}`: the person concerned by a decision may say why it is wrong; somebody else looks again. */
import { exact } from "../../shared/ts/time";
import { asRefusal } from "../../widget/src/api/refusal";
import { fill, h } from "../../widget/src/components/dom";
import { appealDecision, decision, type Decision } from "./api";
import { language, lastPart, load, page, t } from "./frame";

const MOST_CHARACTERS = 2_000;
const token = lastPart();

function show(found: Decision): void {
  const facts = [
    [t("appealLevel"), found.level],
    [t("appealRule"), found.rule],
    [t("appealUntil"), found.until === null ? "" : exact(new Date(found.until), language).slice(0, 16)],
  ].filter(([, value]) => value !== "");
  const head = [
    h("h1", {}, t("appealHead")),
    h("p", { class: "serial" }, found.serial),
    ...facts.map(([label, value]) => h("p", { class: "lead" }, `${label}：${value}`)),
  ];
  fill(page, ...head, found.may_appeal ? form() : h("div", { class: "card" }, h("p", {}, t("appealOver"))));
}

function form(): HTMLElement {
  const name = h("input", { type: "text", maxlength: 64, autocomplete: "nickname" });
  const text = h("textarea", { rows: 6, maxlength: MOST_CHARACTERS, required: true, placeholder: t("appealTextHint") });
  const complaint = h("div", { class: "complaint", role: "alert" });
  const send = h("button", { class: "small main wide", type: "submit" }, t("appealSend"));
  const submit = async (): Promise<void> => {
    complaint.textContent = text.value.trim() === "" ? t("appealNeed") : "";
    if (text.value.trim() === "") {
      text.focus();
      return;
    }
    send.disabled = true;
    try {
      const made = await appealDecision(token, { text: text.value.trim(), name: name.value.trim() });
      const link = h("a", { href: new URL(made.url, location.href).pathname }, t("appealTicket"));
      fill(page, h("h1", {}, t("appealDone")), h("div", { class: "card" }, h("p", {}, t("appealDoneWhy", { serial: made.serial })), link));
    } catch (error) {
      const kind = asRefusal(error).kind;
      complaint.textContent = t(kind === "conflict" ? "appealOver" : kind === "limited" ? "feedbackLimited" : "feedbackFailed");
      send.disabled = false;
    }
  };
  return h(
    "form",
    {
      class: "form card",
      novalidate: true,
      onsubmit: (event: SubmitEvent) => {
        event.preventDefault();
        if (!send.disabled) void submit();
      },
    },
    h("p", { class: "hint" }, t("appealWhy")),
    h("label", {}, h("span", {}, t("appealText")), text),
    h("label", {}, h("span", {}, t("appealName")), name),
    complaint,
    send,
  );
}

void load(() => decision(token), show, { head: "linkGone", why: "linkGoneWhy" });

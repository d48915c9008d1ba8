/** `/feedback`: one form, one sentence of thanks, one number to ask by. */
import { asRefusal } from "../../widget/src/api/refusal";
import { fill, h, say, sign } from "../../widget/src/components/dom";
import { contactFault } from "../../widget/src/models/contact";
import { giveFeedback, type FeedbackKind } from "./api";
import { page, t, titled } from "./frame";
import type { PageKey } from "./i18n/zh-CN";

const KINDS: readonly [FeedbackKind, PageKey][] = [
  ["problem", "kindProblem"],
  ["suggestion", "kindSuggestion"],
  ["report", "kindReport"],
  ["praise", "kindPraise"],
];
const TEXT_MOST_CHARACTERS = 4_000;

function show(): void {
  const asked = new URLSearchParams(location.search).get("kind");
  let kind: FeedbackKind = KINDS.find(([one]) => one === asked)?.[0] ?? "problem";
  const text = h("textarea", { rows: 6, maxlength: TEXT_MOST_CHARACTERS, required: true, placeholder: t(kind === "report" ? "feedbackTextHintReport" : "feedbackTextHint") });
  const phone = h("input", { type: "tel", autocomplete: "tel", inputmode: "tel", maxlength: 20 });
  const email = h("input", { type: "email", autocomplete: "email", maxlength: 120 });
  const consent = h("input", { type: "checkbox" });
  const complaint = h("div", { class: "complaint", role: "alert" });
  const send = h("button", { class: "small main wide", type: "submit" }, t("feedbackSend"));

  const kinds = KINDS.map(([value, label]) => {
    const choice = h("input", { type: "radio", name: "kind", value, checked: value === kind });
    choice.onchange = () => {
      kind = value;
      text.placeholder = t(kind === "report" ? "feedbackTextHintReport" : "feedbackTextHint");
    };
    return h("label", { class: "chip" }, choice, h("span", {}, t(label)));
  });

  const fault = (contact: { phone: string; email: string }): [PageKey, HTMLElement] | null => {
    if (text.value.trim() === "") return ["feedbackTextNeed", text];
    if (contact.phone === "" && contact.email === "") return null;
    const wrong = contactFault(contact);
    if (wrong === "phoneWrong") return [wrong, phone];
    if (wrong === "emailWrong") return [wrong, email];
    return consent.checked ? null : ["feedbackConsentNeed", consent];
  };

  const submit = async (): Promise<void> => {
    const contact = { phone: phone.value.trim(), email: email.value.trim() };
    const found = fault(contact);
    say(complaint, found === null ? "" : t(found[0]));
    if (found !== null) {
      found[1].focus();
      return;
    }
    send.disabled = true;
    try {
      const { serial, url } = await giveFeedback({
        channel_key: document.body.dataset["channel"] ?? "",
        kind,
        text: text.value.trim(),
        ...(contact.phone === "" ? {} : { phone: contact.phone }),
        ...(contact.email === "" ? {} : { email: contact.email }),
        ...(contact.phone === "" && contact.email === "" ? {} : { consent: true as const }),
      });
      thank(serial, url ?? null);
    } catch (error) {
      say(complaint, t(asRefusal(error).kind === "limited" ? "feedbackLimited" : "feedbackFailed"));
      send.disabled = false;
    }
  };

  fill(
    page,
    h("h1", {}, t("feedbackHead")),
    h("p", { class: "lead" }, t("feedbackWhy")),
    h(
      "form",
      {
        class: "form card",
        novalidate: true,
        onsubmit: (event: SubmitEvent) => {
          event.preventDefault();
          void submit();
        },
      },
      h("fieldset", {}, h("legend", {}, t("feedbackKind")), h("div", { class: "chips" }, ...kinds)),
      h("label", {}, h("span", {}, t("feedbackText")), text),
      h("fieldset", {}, h("legend", {}, t("feedbackContact")), h("div", { class: "two" }, h("label", {}, h("span", {}, t("feedbackPhone")), phone), h("label", {}, h("span", {}, t("feedbackEmail")), email))),
      h("label", { class: "consent-line" }, consent, h("span", {}, t("feedbackConsent"))),
      complaint,
      send,
    ),
  );
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
}

titled(t("feedback"));
show();

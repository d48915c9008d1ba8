/** One contact, so that the answer finds its way when the page is long closed. */
import type { Translate } from "../../../shared/ts/catalogue";
import type { Contact } from "../api/types";
import { fill, h, say, sign } from "../components/dom";
import type { MoreKey } from "../i18n/more.zh-CN";
import { contactFault } from "../models/contact";

export interface ContactWorld {
  readonly t: Translate<MoreKey>;
  readonly privacyUrl: string | null;
  submit(contact: Contact): Promise<void>;
  onDone(left: boolean): void;
}

export function contactForm(world: ContactWorld): HTMLElement {
  const { t } = world;
  const phone = h("input", { type: "tel", autocomplete: "tel", inputmode: "tel", maxlength: 20, placeholder: t("phoneHint") });
  const email = h("input", { type: "email", autocomplete: "email", maxlength: 120, placeholder: t("emailHint") });
  const consent = h("input", { type: "checkbox" });
  const complaint = h("div", { class: "complaint", role: "alert" });
  const send = h("button", { class: "small main", type: "submit" }, t("contactSend"));
  const submit = async (): Promise<void> => {
    const given = { phone: phone.value.trim(), email: email.value.trim() };
    const fault = contactFault(given) ?? (consent.checked ? null : "consentNeed");
    if (fault !== null) {
      say(complaint, t(fault));
      (fault === "consentNeed" ? consent : fault === "emailWrong" ? email : phone).focus();
      return;
    }
    say(complaint, "");
    send.disabled = true;
    try {
      await world.submit({
        ...(given.phone === "" ? {} : { phone: given.phone }),
        ...(given.email === "" ? {} : { email: given.email }),
        consent: true,
      });
    } catch {
      say(complaint, t("actFailed"));
      send.disabled = false;
      return;
    }
    fill(form, h("p", { class: "done", role: "status" }, sign("check", 18), t("contactThanks")));
    world.onDone(true);
  };
  const privacy = world.privacyUrl === null ? null : h("a", { href: world.privacyUrl, target: "_blank", rel: "noopener noreferrer" }, t("privacy"));
  const form = h(
    "form",
    {
      class: "form contact",
      novalidate: true,
      "aria-label": t("contactHead"),
      onsubmit: (event: SubmitEvent) => {
        event.preventDefault();
        void submit();
      },
    },
    h("strong", { class: "form-head" }, t("contactHead")),
    h("p", { class: "form-why" }, t("contactWhy")),
    h("label", {}, h("span", {}, t("phone")), phone),
    h("label", {}, h("span", {}, t("email")), email),
    h("label", { class: "consent-line" }, consent, h("span", {}, t("consent"), " ", privacy)),
    complaint,
    h("div", { class: "form-acts" }, send, h("button", { class: "small quiet", type: "button", onclick: () => world.onDone(false) }, t("cancel"))),
  );
  return form;
}

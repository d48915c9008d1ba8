/** 直接找负责人: one sentence, a promise, an answer. Shown only to who is entitled. */
import type { Language, Translate } from "../../../shared/ts/catalogue";
import { dayTime } from "../../../shared/ts/time";
import type { HeadState } from "../api/types";
import { h, say } from "../components/dom";
import type { MoreKey } from "../i18n/more.zh-CN";

const SENTENCE_MOST_CHARACTERS = 500;

export interface HeadWorld {
  readonly t: Translate<MoreKey>;
  readonly language: Language;
  ask(text: string): Promise<void>;
  cancel(): void;
}

/** How it stands, in a sentence; null while nothing was asked. */
export function headSaid(t: Translate<MoreKey>, language: Language, head: HeadState): string | null {
  if (head.asked_at === null) return null;
  const name = head.name ?? "";
  if (head.answered_at !== null) return t("headAnswered", { name });
  return head.due_at === null ? null : t("headPromised", { name, when: dayTime(new Date(head.due_at), language) });
}

export function headForm(world: HeadWorld): HTMLElement {
  const { t } = world;
  const text = h("textarea", { rows: 3, maxlength: SENTENCE_MOST_CHARACTERS, placeholder: t("headHint"), "aria-label": t("headHint") });
  const complaint = h("div", { class: "complaint", role: "alert" });
  const send = h("button", { class: "small main", type: "submit" }, t("headSend"));
  const submit = async (): Promise<void> => {
    const words = text.value.trim();
    say(complaint, words === "" ? t("headNeed") : "");
    if (words === "") {
      text.focus();
      return;
    }
    send.disabled = true;
    try {
      await world.ask(words);
    } catch {
      say(complaint, t("actFailed"));
      send.disabled = false;
    }
  };
  return h(
    "form",
    {
      class: "form head-form",
      "aria-label": t("headAsk"),
      onsubmit: (event: SubmitEvent) => {
        event.preventDefault();
        void submit();
      },
    },
    h("strong", { class: "form-head" }, t("headAsk")),
    h("p", { class: "form-why" }, t("headWhy")),
    text,
    complaint,
    h("div", { class: "form-acts" }, send, h("button", { class: "small quiet", type: "button", onclick: () => world.cancel() }, t("cancel"))),
  );
}

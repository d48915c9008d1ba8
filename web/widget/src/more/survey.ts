/** Four faces with words, one question, room for a sentence. Used by the chat and by the survey page. */
import type { Translate } from "../../../shared/ts/catalogue";
import type { Rating, SurveyAnswer } from "../api/types";
import { fill, h, say, sign } from "../components/dom";
import type { MoreKey } from "../i18n/more.zh-CN";

const RATINGS: readonly Rating[] = [4, 3, 2, 1];
const TEXT_MOST_CHARACTERS = 1_000;
const RECOMMEND_MOST = 10;

export interface SurveyWorld {
  readonly t: Translate<MoreKey>;
  submit(answer: SurveyAnswer): Promise<void>;
  onDone(): void;
}

export function surveyForm(world: SurveyWorld): HTMLElement {
  const { t } = world;
  let rating: Rating | null = null;
  let solved: boolean | null = null;
  const complaint = h("div", { class: "complaint", role: "alert" });
  const text = h("textarea", { rows: 2, maxlength: TEXT_MOST_CHARACTERS, placeholder: t("surveyHint"), "aria-label": t("surveyHint") });

  const faces = RATINGS.map((value) => {
    const button = h("button", { class: `face-choice face-${value}`, type: "button", role: "radio", "aria-checked": "false" }, sign(`face${value}`, 32), h("span", {}, t(`rating${value}`)));
    button.onclick = () => {
      rating = value;
      for (const other of faces) other.setAttribute("aria-checked", String(other === button));
      say(complaint, "");
    };
    return button;
  });
  const answers = [true, false].map((value) => {
    const button = h("button", { class: "small", type: "button", role: "radio", "aria-checked": "false" }, t(value ? "surveyYes" : "surveyNo"));
    button.onclick = () => {
      solved = value;
      for (const other of answers) other.setAttribute("aria-checked", String(other === button));
      say(complaint, "");
    };
    return button;
  });
  let recommend: number | null = null;
  const points = Array.from({ length: RECOMMEND_MOST + 1 }, (_, value) => {
    const button = h("button", { class: "point", type: "button", role: "radio", "aria-checked": "false" }, String(value));
    button.onclick = () => {
      recommend = recommend === value ? null : value;
      for (const [place, other] of points.entries()) other.setAttribute("aria-checked", String(place === recommend));
    };
    return button;
  });
  const send = h("button", { class: "small main wide", type: "submit" }, t("surveySend"));
  const submit = async (): Promise<void> => {
    if (rating === null || solved === null) {
      say(complaint, t(rating === null ? "surveyNeedRating" : "surveyNeedSolved"));
      (rating === null ? faces : answers)[0]?.focus();
      return;
    }
    send.disabled = true;
    const words = text.value.trim();
    try {
      await world.submit({ rating, solved, ...(words === "" ? {} : { text: words }), ...(recommend === null ? {} : { recommend }) });
    } catch {
      say(complaint, t("actFailed"));
      send.disabled = false;
      return;
    }
    fill(form, h("p", { class: rating === 1 ? "done sorry" : "done", role: "status" }, rating === 1 ? null : sign("check", 18), t(rating === 1 ? "surveyThanksBad" : "surveyThanks")));
    world.onDone();
  };
  const form = h(
    "form",
    {
      class: "form survey",
      "aria-label": t("surveyHead"),
      onsubmit: (event: SubmitEvent) => {
        event.preventDefault();
        void submit();
      },
    },
    h("strong", { class: "form-head" }, t("surveyHead")),
    radioGroup(t("surveyHead"), "faces", faces),
    h("div", { class: "solved-row" }, h("span", {}, t("surveySolved")), radioGroup(t("surveySolved"), "answers", answers)),
    text,
    h(
      "div",
      { class: "recommend" },
      h("span", {}, t("surveyRecommend")),
      radioGroup(t("surveyRecommend"), "points", points),
      h("div", { class: "recommend-ends", "aria-hidden": "true" }, h("span", {}, t("recommendNo")), h("span", {}, t("recommendYes"))),
    ),
    complaint,
    send,
  );
  return form;
}

/** Arrow keys move between the buttons, as between radio buttons. */
function radioGroup(label: string, name: string, buttons: readonly HTMLButtonElement[]): HTMLElement {
  const move = (event: KeyboardEvent): void => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const place = buttons.findIndex((button) => button.matches(":focus"));
    buttons.at((place + step) % buttons.length)?.focus();
  };
  return h("div", { class: name, role: "radiogroup", "aria-label": label, onkeydown: move }, ...buttons);
}

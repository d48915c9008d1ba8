/** `/s/{token}`: the survey, for who has the link. */
import { fill, h } from "../../widget/src/components/dom";
import { surveyForm } from "../../widget/src/more/survey";
import { answerSurvey, survey, type SurveyPage } from "./api";
import { lastPart, load, page, t, tMore } from "./frame";

const token = lastPart();

function show(found: SurveyPage): void {
  const form = surveyForm({ t: tMore, submit: (answer) => answerSurvey(token, answer), onDone: () => undefined });
  const given = found.survey;
  const head = [h("h1", { class: "about" }, t("surveyAbout", { title: found.title })), h("p", { class: "serial" }, found.serial), solutionView(found)];
  if (given === null) {
    fill(page, ...head, form);
    return;
  }
  const change = h("button", { class: "small", type: "button", onclick: () => fill(page, ...head, form) }, t("surveyChange"));
  fill(page, ...head, h("div", { class: "card" }, h("p", {}, t("surveyGiven", { rating: tMore(`rating${given.rating}`) })), change));
}

function solutionView(found: SurveyPage): HTMLElement | null {
  const solution = found.solution ?? "";
  if (solution === "") return null;
  const link = found.url ? h("a", { href: new URL(found.url, location.href).pathname }, t("surveyTicket")) : null;
  return h("div", { class: "card survey-about" }, h("p", {}, solution), link);
}

void load(() => survey(token), show, { head: "linkGone", why: "linkGoneWhy" });

/** The file that is loaded on demand: tickets, survey, contact, speed test, viewer. */
import { translator } from "../../../shared/ts/catalogue";
import { sheet } from "../components/dom";
import { moreEn } from "../i18n/more.en";
import { moreZhCN } from "../i18n/more.zh-CN";
import styles from "../styles/more.css?inline";
import { contactForm } from "./contact";
import type { More, MoreKit } from "./contract";
import { speedCard } from "./speed";
import { surveyForm } from "./survey";
import { Tickets } from "./tickets";
import { showPicture } from "./viewer";

export function start(kit: MoreKit): More {
  const t = translator(kit.language === "zh-CN" ? moreZhCN : moreEn);
  kit.root.adoptedStyleSheets = [...kit.root.adoptedStyleSheets, sheet(styles)];
  return {
    tickets: () => new Tickets({
      t,
      language: kit.language,
      client: kit.client,
      token: () => kit.token(),
      showPicture: (blob, name, kind) => showPicture(kit.root, t, blob, name, kind),
    }),
    survey: (serial, onDone) => ({
      element: surveyForm({ t, submit: async (answer) => kit.client.survey(await kit.token(), serial, answer), onDone }),
    }),
    contact: (onDone) => ({
      element: contactForm({ t, privacyUrl: kit.privacyUrl(), submit: (contact) => kit.leaveContact(contact), onDone }),
    }),
    speedTest: () => ({
      element: speedCard({
        t,
        sample: async (bytes, signal) => kit.client.speedSample(await kit.token(), bytes, signal),
        post: (text) => kit.sendText(text),
      }),
    }),
    showPicture: (blob, name, kind) => showPicture(kit.root, t, blob, name, kind),
  };
}

/** `/t/{token}`: one ticket, for who has the link. */
import { TicketView } from "../../widget/src/more/ticket";
import { fill } from "../../widget/src/components/dom";
import { ticket, ticketAct } from "./api";
import { language, lastPart, load, page, titled, tMore } from "./frame";

/** While the page is looked at, news appear by themselves. */
const LOOK_AGAIN_MS = 30_000;

const token = lastPart();
const view = new TicketView({
  t: tMore,
  language,
  headingLevel: 1,
  load: async () => {
    const detail = await ticket(token);
    titled(detail.title);
    return detail;
  },
  act: (act, body) => ticketAct(token, act, body),
  rate: (answer) => ticketAct(token, "survey", answer),
});

void load(
  () => view.load(),
  () => fill(page, view.element),
  { head: "linkGone", why: "linkGoneWhy" },
);
setInterval(() => {
  if (document.visibilityState === "visible") void view.refresh();
}, LOOK_AGAIN_MS);

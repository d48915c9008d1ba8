/** `/my/{token}`: all tickets of the customer who has the link; each leads to its own page. */
import "./styles/ticket-pages.css";
import { ago, exact } from "../../shared/ts/time";
import type { TicketLine } from "../../widget/src/api/types";
import { fill, h } from "../../widget/src/components/dom";
import { stateWords, toneOf } from "../../widget/src/models/tickets";
import { mine, type OwnTicket } from "./api";
import { language, lastPart, load, page, t, titled, tMore, trouble } from "./frame";

/** While the page is looked at, news appear by themselves. */
const LOOK_AGAIN_MS = 30_000;

const token = lastPart();

function line(ticket: TicketLine & { url: string }): HTMLElement {
  const at = new Date(ticket.updated_at);
  const unread = ticket.unread ?? 0;
  return h(
    "a",
    { class: `ticket-line ${unread > 0 ? "unread" : ""}`, href: new URL(ticket.url, location.href).pathname },
    h(
      "span",
      { class: "ticket-line-head" },
      h("span", { class: "ticket-line-title" }, ticket.title),
      unread > 0 ? h("span", { class: "new" }, tMore("unread", { count: unread })) : null,
    ),
    h("span", { class: `ticket-line-state ${toneOf(ticket.state)}` }, ticket.next_step ?? tMore(stateWords(ticket.state))),
    h("span", { class: "ticket-line-meta" }, h("span", { class: "serial" }, ticket.serial), h("span", { title: exact(at, language) }, ago(at, new Date(), language))),
  );
}

function show(tickets: readonly OwnTicket[]): void {
  titled(t("ticketPage"));
  fill(
    page,
    h("h1", { class: "about" }, t("ticketPage")),
    tickets.length === 0
      ? trouble(tMore("ticketsEmpty"), tMore("ticketsEmptyWhy"))
      : h("ul", { class: "ticket-list card" }, ...tickets.map((ticket) => h("li", {}, line(ticket)))),
  );
}

void load(() => mine(token), show, { head: "linkGone", why: "linkGoneWhy" });
setInterval(() => {
  if (document.visibilityState === "visible") void mine(token).then(show, () => undefined);
}, LOOK_AGAIN_MS);

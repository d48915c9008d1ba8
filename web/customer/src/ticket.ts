/** `/t/{token}`: one ticket, for who has the link. */
import { TicketView } from "../../widget/src/more/ticket";
import { upload } from "../../widget/src/api/client";
import { fill } from "../../widget/src/components/dom";
import { showPicture } from "../../widget/src/more/viewer";
import { ticket, ticketAct, ticketFile, uploadAddress } from "./api";
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
  upload: (file, onProgress) => upload(uploadAddress(token), file, onProgress),
  open: async (file) => {
    if (file.kind !== "file") await showPicture(document.body, tMore, await ticketFile(token, file.attachment_id), file.name, file.kind);
  },
});

void load(
  () => view.load(),
  () => fill(page, view.element),
  { head: "linkGone", why: "linkGoneWhy" },
);
setInterval(() => {
  if (document.visibilityState === "visible") void view.refresh();
}, LOOK_AGAIN_MS);

/** 我的工单: the list, and one ticket at a time. */
import type { Language, Translate } from "../../../shared/ts/catalogue";
import { ago, exact } from "../../../shared/ts/time";
import type { Client } from "../api/client";
import type { Attachment, TicketLine } from "../api/types";
import { fill, h, sign } from "../components/dom";
import type { MoreKey } from "../i18n/more.zh-CN";
import { stateWords, toneOf } from "../models/tickets";
import type { View } from "./contract";
import { TicketView } from "./ticket";

export interface TicketsWorld {
  readonly t: Translate<MoreKey>;
  readonly language: Language;
  readonly client: Client;
  token(): Promise<string>;
  showPicture(blob: Blob, name: string, kind: "image" | "video"): Promise<void>;
}

export class Tickets implements View {
  readonly element = h("div", { class: "tickets", tabindex: "-1" });
  private open: TicketView | null = null;

  constructor(private readonly world: TicketsWorld) {
    void this.list();
  }

  refresh(): void {
    if (this.open === null) void this.list();
    else void this.open.refresh();
  }

  /** Open this ticket at the sentence for the head of the house. */
  askHead(serial: string): void {
    void this.detail(serial, true);
  }

  private async list(): Promise<void> {
    const { t, client } = this.world;
    this.open = null;
    let tickets: readonly TicketLine[];
    try {
      tickets = await client.tickets(await this.world.token());
    } catch {
      this.failed(() => this.list());
      return;
    }
    if (this.open !== null) return;
    fill(
      this.element,
      tickets.length === 0
        ? h("div", { class: "trouble" }, h("strong", {}, t("ticketsEmpty")), h("p", {}, t("ticketsEmptyWhy")))
        : h("ul", { class: "ticket-list" }, ...tickets.map((ticket) => h("li", {}, this.lineView(ticket)))),
    );
  }

  private lineView(ticket: TicketLine): HTMLElement {
    const { t, language } = this.world;
    const at = new Date(ticket.updated_at);
    const unread = ticket.unread ?? 0;
    return h(
      "button",
      { class: `ticket-line ${unread > 0 ? "unread" : ""}`, type: "button", onclick: () => void this.detail(ticket.serial) },
      h(
        "span",
        { class: "ticket-line-head" },
        h("span", { class: "ticket-line-title" }, ticket.title),
        unread > 0 ? h("span", { class: "new" }, t("unread", { count: unread })) : null,
      ),
      h("span", { class: `ticket-line-state ${toneOf(ticket.state)}` }, ticket.next_step ?? t(stateWords(ticket.state))),
      h("span", { class: "ticket-line-meta" }, h("span", { class: "serial" }, ticket.serial), h("span", { title: exact(at, language) }, ago(at, new Date(), language))),
    );
  }

  private async detail(serial: string, askHead = false): Promise<void> {
    const { t, language, client } = this.world;
    const view = new TicketView({
      t,
      language,
      headingLevel: 2,
      load: async () => client.ticket(await this.world.token(), serial),
      act: async (act, body) => client.ticketAct(await this.world.token(), serial, act, body),
      rate: async (answer) => client.survey(await this.world.token(), serial, answer),
      upload: async (file, onProgress) => client.upload(await this.world.token(), file, onProgress),
      open: (file) => this.showFile(file),
    });
    this.open = view;
    try {
      await (askHead ? view.askHead() : view.load());
    } catch {
      this.failed(() => this.detail(serial, askHead));
      return;
    }
    const back = h("button", { class: "text-button back", type: "button", onclick: () => void this.list() }, sign("back", 16), t("backToList"));
    fill(this.element, back, view.element);
    this.element.scrollTop = 0;
    (this.element.querySelector<HTMLElement>(".head-form textarea") ?? back).focus();
  }

  private async showFile(file: Attachment): Promise<void> {
    const { client } = this.world;
    if (file.kind === "file") return;
    await this.world.showPicture(await client.attachment(await this.world.token(), file.attachment_id), file.name, file.kind);
  }

  private failed(again: () => Promise<void>): void {
    const { t } = this.world;
    const retry = h("button", { class: "small", type: "button", onclick: () => void again() }, t("again"));
    fill(this.element, h("div", { class: "trouble", role: "alert" }, h("strong", {}, t("ticketsFailed")), retry));
  }
}

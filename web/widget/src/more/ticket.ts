/** One ticket as its customer sees it: where it stands, what comes next, what happened, what to do. Used by chat and page. */
import type { Language, Translate } from "../../../shared/ts/catalogue";
import { ago, exact } from "../../../shared/ts/time";
import { asRefusal } from "../api/refusal";
import type { Upload } from "../api/client";
import type { Attachment, SurveyAnswer, TicketAct, TicketBody, TicketDetail, TicketEvent } from "../api/types";
import { fill, h, say, sign } from "../components/dom";
import type { MoreKey } from "../i18n/more.zh-CN";
import { stateWords, toneOf, waysOf } from "../models/tickets";
import { FileField } from "./files";
import { headForm, headSaid } from "./head";
import { surveyForm } from "./survey";

const TEXT_MOST_CHARACTERS = 4_000;

export interface TicketWorld {
  readonly t: Translate<MoreKey>;
  readonly language: Language;
  /** A page of its own has the title as its first heading. */
  readonly headingLevel: 1 | 2;
  load(): Promise<TicketDetail>;
  act(act: TicketAct, body: TicketBody): Promise<void>;
  rate(answer: SurveyAnswer): Promise<void>;
  upload(file: File, onProgress: (part: number) => void): Promise<Upload> | Upload;
  /** Show a file of the history. */
  open(attachment: Attachment): Promise<void>;
}

const WHO: Readonly<Record<TicketEvent["kind"], MoreKey>> = {
  customer: "whoCustomer",
  bot: "whoBot",
  agent: "whoAgent",
  system: "whoSystem",
};

export class TicketView {
  readonly element = h("article", { class: "ticket" });
  private readonly status = h("p", { class: "ticket-said", role: "status" });
  private loaded = false;
  private draft = "";
  private reopening = false;
  private confirming = false;
  private rating = false;
  private askingHead = false;
  private files: FileField | null = null;

  constructor(private readonly world: TicketWorld) {}

  /** Rejects when the first load fails, because only the caller knows what to show then. */
  async load(): Promise<void> {
    const ticket = await this.world.load();
    this.loaded = true;
    this.show(ticket);
  }

  /** Look for news, but never under the hands of somebody who is writing or rating. */
  async refresh(): Promise<void> {
    const busy = this.draft !== "" || this.reopening || this.rating || this.confirming || this.askingHead || this.files?.busy === true;
    if (this.loaded && !busy) await this.load().catch(() => undefined);
  }

  /** Open the one sentence for the head of the house, when it may be said. */
  async askHead(): Promise<void> {
    this.askingHead = true;
    await this.load();
    this.element.querySelector<HTMLElement>(".head-form textarea")?.focus();
  }

  private show(ticket: TicketDetail): void {
    const { t, language } = this.world;
    const at = new Date(ticket.updated_at);
    fill(
      this.element,
      h(this.world.headingLevel === 1 ? "h1" : "h2", { class: "ticket-title" }, ticket.title),
      h(
        "div",
        { class: "ticket-meta" },
        h("span", { class: "serial" }, ticket.serial),
        h("span", { title: exact(at, language) }, t("updated", { time: ago(at, new Date(), language) })),
      ),
      h(
        "div",
        { class: `ticket-state ${toneOf(ticket.state)}` },
        h("strong", {}, t(stateWords(ticket.state))),
        ticket.next_step ? h("span", {}, ticket.next_step) : null,
      ),
      ticket.fields === undefined || ticket.fields.length === 0
        ? null
        : h("dl", { class: "ticket-fields" }, ...ticket.fields.map((field) => h("div", {}, h("dt", {}, field.label), h("dd", {}, field.value)))),
      this.headView(ticket),
      this.actsView(ticket),
      this.status,
      h(this.world.headingLevel === 1 ? "h2" : "h3", { class: "ticket-history-head" }, t("history")),
      ticket.history.length === 0 ? h("p", { class: "form-why" }, t("historyEmpty")) : this.historyView(ticket.history),
      waysOf(ticket).add ? this.addView() : null,
    );
  }

  private historyView(history: readonly TicketEvent[]): HTMLElement {
    const { t, language } = this.world;
    return h(
      "ol",
      { class: "history" },
      ...history.map((event) => {
        const at = new Date(event.at);
        return h(
          "li",
          { class: event.kind },
          h("div", { class: "history-head" }, h("span", {}, event.name ?? t(WHO[event.kind] ?? "whoSystem")), h("time", { datetime: event.at, title: exact(at, language) }, ago(at, new Date(), language))),
          event.attachment ? this.fileView(event.attachment) : h("div", { class: "history-text" }, event.text),
        );
      }),
    );
  }

  private fileView(file: Attachment): HTMLElement {
    const button = h("button", { class: "text-button file-line", type: "button" }, sign(file.kind === "image" ? "picture" : file.kind === "video" ? "play" : "file", 16), file.name);
    button.onclick = () => void this.world.open(file).catch(() => say(this.status, this.world.t("actFailed")));
    return button;
  }

  private headView(ticket: TicketDetail): HTMLElement | null {
    const { t, language } = this.world;
    const head = ticket.executive ?? null;
    const said = head === null ? null : headSaid(t, language, head);
    return said === null ? null : h("p", { class: "head-said" }, sign("person", 16), h("span", {}, said));
  }

  private actsView(ticket: TicketDetail): HTMLElement | null {
    const { t, language } = this.world;
    const ways = waysOf(ticket);
    const mayAsk = ticket.executive?.allowed === true;
    if (this.askingHead && mayAsk) {
      return headForm({
        t,
        language,
        ask: async (text) => {
          await this.world.act("executive", { text });
          this.askingHead = false;
          await this.load().catch(() => undefined);
          say(this.status, t("headSent"));
        },
        cancel: () => this.turn(ticket, () => (this.askingHead = false)),
      });
    }
    this.askingHead = false;
    if (this.rating && ways.rate) {
      return surveyForm({
        t,
        submit: (answer) => this.world.rate(answer),
        onDone: () => (this.rating = false),
      });
    }
    if (this.confirming) {
      return h(
        "div",
        { class: "ticket-ask" },
        h("p", {}, t("solvedAsk")),
        this.button("yesSolved", "small main", () => this.run("close", {}, "closedThanks")),
        this.button("notYet", "small quiet", () => this.turn(ticket, () => (this.confirming = false))),
      );
    }
    if (this.reopening) {
      const why = h("textarea", { rows: 2, maxlength: TEXT_MOST_CHARACTERS, placeholder: t("reopenHint"), "aria-label": t("reopenHint") });
      return h(
        "div",
        { class: "ticket-ask form" },
        why,
        this.button("reopen", "small main", () => {
          const text = why.value.trim();
          return this.run("reopen", text === "" ? {} : { text }, "reopened");
        }),
        this.button("cancel", "small quiet", () => this.turn(ticket, () => (this.reopening = false))),
      );
    }
    return h(
      "div",
      { class: "ticket-acts" },
      ways.close ? this.button("solved", "small main", () => this.turn(ticket, () => (this.confirming = true))) : null,
      ways.reopen ? this.button("reopen", "small", () => this.turn(ticket, () => (this.reopening = true))) : null,
      ways.rate ? this.button("rate", "small", () => this.turn(ticket, () => (this.rating = true))) : null,
      mayAsk ? this.button("headAsk", "small quiet", () => this.turn(ticket, () => (this.askingHead = true))) : null,
    );
  }

  private addView(): HTMLElement {
    const { t } = this.world;
    const text = h("textarea", {
      rows: 2,
      maxlength: TEXT_MOST_CHARACTERS,
      placeholder: t("addHint"),
      "aria-label": t("addLabel"),
      oninput: () => (this.draft = text.value.trim()),
    });
    text.value = this.draft;
    const send = this.button("add", "small main", () => (this.draft === "" ? undefined : this.run("messages", { text: this.draft }, "added")));
    this.files = new FileField({
      t,
      upload: (file, onProgress) => this.world.upload(file, onProgress),
      sent: (id) => this.run("messages", { attachment_id: id }, "added"),
    });
    return h("div", { class: "form add" }, text, h("div", { class: "add-acts" }, send, this.files.element));
  }

  private button(label: MoreKey, look: string, act: () => unknown): HTMLButtonElement {
    const button = h("button", { class: look, type: "button" }, this.world.t(label));
    button.onclick = () => {
      button.disabled = true;
      void Promise.resolve(act()).finally(() => (button.disabled = false));
    };
    return button;
  }

  private turn(ticket: TicketDetail, change: () => void): void {
    change();
    say(this.status, "");
    this.show(ticket);
    this.element.querySelector<HTMLElement>(".ticket-ask textarea, .ticket-ask button, .survey button, .head-form textarea")?.focus();
  }

  private async run(act: TicketAct, body: TicketBody, said: MoreKey): Promise<void> {
    const { t } = this.world;
    try {
      await this.world.act(act, body);
    } catch (error) {
      say(this.status, t(act === "reopen" && asRefusal(error).kind === "conflict" ? "tooLate" : "actFailed"));
      return;
    }
    this.confirming = this.reopening = false;
    if (body.attachment_id === undefined) this.draft = "";
    await this.load().catch(() => undefined);
    say(this.status, t(said));
  }
}

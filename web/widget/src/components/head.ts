/** Who is speaking, the way to a person, and the way out. */
import { CHOICE_HUMAN } from "../api/types";
import { h, fill, say, sign } from "./dom";
import type { Kit } from "./kit";
import { Menu, type Act } from "./menu";

export class Head {
  readonly element: HTMLElement;
  private readonly face = h("div", { class: "face", "aria-hidden": "true" });
  private readonly name = h("div", { class: "head-name" });
  private readonly sub = h("div", { class: "head-sub" });
  private readonly human: HTMLButtonElement;
  private faceShown = "";

  constructor(
    private readonly kit: Kit,
    private readonly acts: { close(): void; toChat(): void; askHead(serial: string): void; testSpeed(): void },
  ) {
    const { t } = kit;
    this.human = h("button", { class: "small human", type: "button", onclick: () => this.askForPerson() }, t("human"));
    const close = h("button", { class: "icon", type: "button", "aria-label": t("close"), title: t("close"), onclick: () => acts.close() }, sign("down"));
    this.element = h(
      "header",
      { class: "head" },
      this.face,
      h("div", { class: "head-words" }, this.name, this.sub),
      this.human,
      new Menu(t("menu"), () => this.menuActs()).element,
      close,
    );
  }

  update(): void {
    const { chat, t } = this.kit;
    const agent = chat.mode === "agent" ? (chat.state?.agent_name ?? t("agentSub")) : null;
    say(this.name, agent ?? chat.config?.name ?? t("launcher"));
    say(this.sub, t(chat.mode === "agent" ? "agentSub" : chat.mode === "waiting" ? "waitingSub" : "botAlways"));
    this.human.hidden = chat.mode !== "bot";
    const face = agent?.slice(0, 1) ?? "";
    if (face !== this.faceShown || this.face.childNodes.length === 0) fill(this.face, face === "" ? sign("chat", 22) : face);
    this.faceShown = face;
    this.face.classList.toggle("person", agent !== null);
  }

  private askForPerson(): void {
    this.acts.toChat();
    this.kit.chat.choose({ id: CHOICE_HUMAN, label: this.kit.t("human") });
  }

  private menuActs(): Act[] {
    const { chat, t } = this.kit;
    const acts: Act[] = [];
    if (chat.mode === "bot") acts.push({ label: t("human"), run: () => this.askForPerson() });
    if (chat.mode === "waiting") acts.push({ label: t("leaveQueue"), run: () => void chat.leaveQueue().catch(() => undefined) });
    const serial = chat.state?.executive?.ticket_serial;
    if (serial !== undefined) acts.push({ label: t("headAsk"), run: () => this.acts.askHead(serial) });
    acts.push({ label: t("speedTest"), run: () => this.acts.testSpeed() });
    const { privacyUrl } = chat;
    if (privacyUrl !== null) {
      acts.push({ label: t("privacy"), run: () => void window.open(new URL(privacyUrl, this.kit.base).href, "_blank", "noopener") });
    }
    return acts;
  }
}

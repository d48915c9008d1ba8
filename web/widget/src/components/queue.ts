/** The quiet card while the customer waits for a person: place, estimate, and the two ways out. */
import { roughly } from "../../../shared/ts/time";
import { h, say, sign } from "./dom";
import type { Kit } from "./kit";

export class QueueCard {
  readonly element: HTMLElement;
  private readonly place = h("strong", {});
  private readonly estimate = h("span", { class: "eta" });
  private readonly complaint = h("span", { class: "complaint", role: "alert" });

  constructor(
    private readonly kit: Kit,
    leaveContact: () => void,
  ) {
    const { t } = kit;
    this.element = h(
      "div",
      { class: "queue", hidden: true },
      h(
        "div",
        { class: "queue-words", role: "status" },
        sign("clock", 18),
        h("span", {}, t("queueHead")),
        this.place,
        this.estimate,
      ),
      h(
        "div",
        { class: "queue-acts" },
        h("button", { class: "small", type: "button", onclick: leaveContact }, t("leaveMessage")),
        h("button", { class: "small quiet", type: "button", onclick: () => void this.leave() }, t("leaveQueue")),
      ),
      this.complaint,
    );
  }

  update(): void {
    const { chat, t, language } = this.kit;
    const { state } = chat;
    const waits = state?.mode === "waiting";
    this.element.hidden = !waits;
    if (!waits) return;
    const ahead = state.queue_position;
    say(this.place, ahead === null ? "" : ahead === 0 ? t("queueNext") : t("queuePlace", { count: ahead }));
    say(this.estimate, state.eta_s === null ? "" : t("queueEta", { time: roughly(state.eta_s, language) }));
  }

  private async leave(): Promise<void> {
    say(this.complaint, "");
    try {
      await this.kit.chat.leaveQueue();
    } catch {
      say(this.complaint, this.kit.t("leaveFailed"));
    }
  }
}

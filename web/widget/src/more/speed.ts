/** The speed test as a card: what it does, a button, the result, and the way to hand it in. */
import type { Translate } from "../../../shared/ts/catalogue";
import { fill, h, sign } from "../components/dom";
import type { MoreKey } from "../i18n/more.zh-CN";
import { judge, measure, type Speed } from "../models/speed";

export interface SpeedWorld {
  readonly t: Translate<MoreKey>;
  sample(bytes: number, signal: AbortSignal): Promise<number>;
  post(text: string): void;
}

const VERDICTS = { good: "speedGood", fair: "speedFair", poor: "speedPoor" } as const;

export function speedCard(world: SpeedWorld): HTMLElement {
  const { t } = world;
  const body = h("div", { role: "status" });
  const card = h("div", { class: "form speed" }, h("strong", { class: "form-head" }, t("speedHead")), body);

  const offer = (why: MoreKey): void =>
    fill(body, h("p", { class: "form-why" }, t(why)), h("button", { class: "small main", type: "button", onclick: () => void run() }, t("speedStart")));
  const run = async (): Promise<void> => {
    fill(body, h("p", { class: "form-why" }, t("speedRunning")), h("div", { class: "running" }, h("i")));
    try {
      show(await measure((bytes, signal) => world.sample(bytes, signal), () => performance.now()));
    } catch {
      offer("speedFailed");
    }
  };
  const show = (speed: Speed): void => {
    const figures = { mbps: speed.mbps, ms: speed.ms };
    const send = h("button", { class: "small main", type: "button" }, t("speedSend"));
    send.onclick = () => {
      world.post(t("speedPost", figures));
      send.replaceWith(h("p", { class: "done" }, sign("check", 18), t("speedSent")));
    };
    fill(body, h("p", { class: "speed-figure" }, t("speedDone", figures)), h("p", { class: "form-why" }, t(VERDICTS[judge(speed)])), send);
  };
  offer("speedWhy");
  return card;
}

/** The demo's own site, on an origin of its own: what a customer of the product would have, with the widget on it. */
import "@fontsource-variable/noto-sans-sc/index.css";
import "../../shared/tokens.css";
import "../../widget/src/styles/controls.css";
import "./styles/shop.css";
import { say } from "../../widget/src/components/dom";

const MEMBER_KEY = "xingyu:member";
const BUFFERING_MS = 1_500;

function element<Kind extends HTMLElement>(id: string): Kind {
  const found = document.querySelector<Kind>(`#${id}`);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

const who = element<HTMLSelectElement>("who");
who.value = localStorage.getItem(MEMBER_KEY) ?? "";

// Set before the widget's script runs: both are deferred, and this one comes first.
window.frontline = {
  identity: async () => {
    if (who.value === "") return "";
    const response = await fetch(`/demo/identity?user=${encodeURIComponent(who.value)}`, { cache: "no-store" });
    return response.ok ? ((await response.json()) as { identity: string }).identity : "";
  },
};

who.onchange = () => {
  localStorage.setItem(MEMBER_KEY, who.value);
  void window.frontline?.refreshIdentity?.();
};

const buffering = element("buffering");
element("stutter").onclick = () => {
  buffering.hidden = false;
  setTimeout(() => {
    buffering.hidden = true;
    window.frontline?.ask?.("看视频一直卡顿怎么办");
  }, BUFFERING_MS);
};

const said = element("plan-said");
for (const button of document.querySelectorAll<HTMLButtonElement>(".plans button")) {
  button.onclick = () => say(said, "这里是演示网站，不会真的扣款。支付遇到问题？点右下角问问客服。");
}

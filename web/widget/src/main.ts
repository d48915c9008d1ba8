/** What the one script does when it runs: read its tag, put the element on the page, answer to `window.frontline`. */
import { FrontlineWidget, languageOf } from "./components/widget";
import type { MoreModule } from "./more/contract";

declare global {
  /** Given by the build: the hash of the file that is loaded on demand. */
  const __MORE_HASH__: string;

  interface Window {
    frontline?: {
      identity?: () => Promise<string>;
      open?: () => void;
      close?: () => void;
      ask?: (text: string) => void;
      refreshIdentity?: () => Promise<void>;
    };
  }
}

const NAME = "frontline-widget";

function begin(script: HTMLScriptElement): void {
  const { channel, lang, theme, position, identity } = script.dataset;
  // A second tag on the same page adds nothing.
  if (channel === undefined || customElements.get(NAME) !== undefined) return;
  customElements.define(NAME, FrontlineWidget);
  const site = (window.frontline ??= {});
  const base = new URL(".", script.src).href.replace(/\/$/, "");
  const widget = new FrontlineWidget();
  widget.begin({
    base,
    channelKey: channel,
    language: languageOf(lang ?? null),
    theme: theme ?? null,
    position: position === "left" ? "left" : "right",
    identity: () => site.identity?.() ?? Promise.resolve(identity ?? ""),
    loadMore: () => import(/* @vite-ignore */ `${base}/widget-more.js?v=${__MORE_HASH__}`) as Promise<MoreModule>,
  });
  site.open = () => widget.open();
  site.close = () => widget.close();
  site.ask = (text) => widget.ask(text);
  site.refreshIdentity = () => widget.refreshIdentity();
  document.body.append(widget);
}

// Known only while the script runs, so it is read before anything waits.
const script = document.currentScript;
if (script instanceof HTMLScriptElement) {
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => begin(script), { once: true });
  else begin(script);
}

/** What the feedback page knows before anybody has typed, and whether what was typed can be sent. */
import { contactFault } from "../../../widget/src/models/contact";
import type { FeedbackKind, FeedbackSource } from "../api";

export const KINDS: readonly FeedbackKind[] = ["problem", "suggestion", "report", "praise"];
export const MOST_FILES = 9;
export const TITLE_MOST_CHARACTERS = 80;
export const TEXT_MOST_CHARACTERS = 4_000;
const MOST_PREFILLED = 80;
const SOURCES: readonly FeedbackSource[] = ["page", "app", "live_room", "forum"];

/** What an app's web view may tell in the address, by the names of the contract. */
const TOLD = ["device_model", "system_version", "app_version", "network_kind", "network_provider", "city", "account", "stream_time"] as const;
export type Told = Partial<Record<(typeof TOLD)[number], string>>;

export interface Prefill {
  readonly channel: string | null;
  readonly kind: FeedbackKind;
  readonly source: FeedbackSource;
  readonly liveRoom: string;
  readonly orderNumber: string;
  readonly told: Told;
}

export interface Written {
  readonly title: string;
  readonly text: string;
  readonly liveRoom: string;
  readonly orderNumber: string;
  readonly phone: string;
  readonly email: string;
  readonly consent: boolean;
}

export type Fault = "feedbackTextNeed" | "phoneWrong" | "emailWrong" | "feedbackConsentNeed" | "feedbackFilesBusy";

export function prefillOf(query: URLSearchParams): Prefill {
  const word = (name: string): string => (query.get(name) ?? "").trim().slice(0, MOST_PREFILLED);
  const told: Told = {};
  for (const name of TOLD) if (word(name) !== "") told[name] = word(name);
  const live = word("live_room");
  const asked = SOURCES.find((one) => one === word("source"));
  return {
    channel: word("channel") || null,
    kind: KINDS.find((one) => one === word("kind")) ?? "problem",
    // A page that was told the app's version stands in the app.
    source: asked ?? (live !== "" && told.stream_time !== undefined ? "live_room" : told.app_version !== undefined ? "app" : "page"),
    liveRoom: live,
    orderNumber: word("order_number"),
    told,
  };
}

export function faultOf(written: Written, isUploading: boolean): Fault | null {
  if (written.text.trim() === "") return "feedbackTextNeed";
  if (isUploading) return "feedbackFilesBusy";
  const contact = { phone: written.phone.trim(), email: written.email.trim() };
  if (contact.phone === "" && contact.email === "") return null;
  const wrong = contactFault(contact);
  if (wrong === "phoneWrong" || wrong === "emailWrong") return wrong;
  return written.consent ? null : "feedbackConsentNeed";
}

/** What to look for among the articles; half a sentence is enough, two characters are not. */
export function questionOf(title: string, text: string): string | null {
  const first = title.trim() || (text.trim().split(/[\n。！？!?]/)[0] ?? "").trim();
  return first.length < 4 ? null : first.slice(0, 60);
}

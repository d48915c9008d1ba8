/** Words about webhooks that need no page. */
import type { Delivery } from "../api/webhooks";

/** `ticket.state_changed` → `ticket_state_changed`: catalogues take a dot for a level. */
export function kindKey(kind: string): string {
  return kind.replace(".", "_");
}

/** Whole families as the kinds they hold, so that each has its own tick. */
export function spread(wanted: readonly string[], kinds: readonly string[]): string[] {
  return kinds.filter((kind) => wanted.includes(kind) || wanted.includes(`${kind.split(".")[0] ?? ""}.*`));
}

/** The text id of why a call did not arrive; null when it did, or was not tried yet. */
export function reasonKey(call: Pick<Delivery, "error">): string | null {
  const known = ["timeout", "refused", "redirected", "blocked", "certificate", "unreachable"];
  if (call.error === null) return null;
  return `intake.hooks.error.${known.includes(call.error) ? call.error : "unreachable"}`;
}

/** A body for reading, with lines; as it is when it is no JSON. */
export function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

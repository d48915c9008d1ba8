/** What the roles may see. The gateway decides again on every request; this only keeps dead ends off the page. */

export type Place =
  | "day" | "inbox" | "tickets" | "sorting" | "knowledge" | "board" | "figures" | "settings";

/** Any one of these sets opens the place, when all of the set are held. */
const OPENED_BY: Readonly<Record<Place, readonly (readonly string[])[]>> = {
  day: [["desk.use"]],
  inbox: [["desk.use"]],
  tickets: [["ticket.read"]],
  sorting: [["ticket.classify"]],
  knowledge: [["knowledge.read"]],
  board: [["desk.use", "desk.watch"]],
  figures: [["figures.read"]],
  settings: [["people.write"], ["settings.write"], ["audit.read"]],
};

const ORDER: readonly Place[] = ["day", "inbox", "tickets", "sorting", "knowledge", "board", "figures", "settings"];

export function may(permissions: readonly string[], place: Place): boolean {
  return OPENED_BY[place].some((keys) => keys.every((key) => permissions.includes(key)));
}

export function placesFor(permissions: readonly string[]): Place[] {
  return ORDER.filter((place) => may(permissions, place));
}

/** Where a person lands after logging in. */
export function homeOf(permissions: readonly string[]): Place | null {
  if (permissions.includes("desk.use")) return "day";
  if (permissions.includes("ticket.classify") && !permissions.includes("ticket.write")) return "sorting";
  if (permissions.includes("knowledge.write") && !permissions.includes("ticket.write")) return "knowledge";
  return placesFor(permissions)[0] ?? null;
}

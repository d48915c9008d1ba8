/** What the roles may see. The gateway decides again on every request; this only keeps dead ends off the page. */

export type Place =
  | "day" | "inbox" | "tickets" | "knowledge" | "board" | "figures" | "settings";

/** Any one of these opens the place; none listed means everybody. */
const OPENED_BY: Readonly<Record<Place, readonly string[]>> = {
  day: ["desk.use", "ticket.read"],
  inbox: ["desk.use", "desk.watch"],
  tickets: ["ticket.read"],
  knowledge: ["knowledge.write", "knowledge.read"],
  board: ["desk.watch", "figures.read"],
  figures: ["figures.read"],
  settings: ["people.write", "settings.write", "audit.read"],
};

const ORDER: readonly Place[] = ["day", "inbox", "tickets", "knowledge", "board", "figures", "settings"];

export function may(permissions: readonly string[], place: Place): boolean {
  const keys = OPENED_BY[place];
  return keys.some((key) => permissions.includes(key));
}

export function placesFor(permissions: readonly string[]): Place[] {
  return ORDER.filter((place) => may(permissions, place));
}

/** Where a person lands after logging in. */
export function homeOf(permissions: readonly string[]): Place | null {
  if (permissions.includes("desk.use")) return "day";
  if (permissions.includes("knowledge.write") && !permissions.includes("ticket.write")) return "knowledge";
  return placesFor(permissions)[0] ?? null;
}

/** Who can give what is missing, as roles, for the page that says "no". */
export function giverOf(_place: Place): "admin" {
  return "admin";
}

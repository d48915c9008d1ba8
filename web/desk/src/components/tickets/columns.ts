/** The columns a ticket list can show, in their order, and which of them this browser shows. */
export const COLUMNS = [
  "serial", "title", "state", "customer", "category", "team", "assignee", "priority", "next", "created", "updated",
] as const;
export type Column = (typeof COLUMNS)[number];

const SHOWN_AT_FIRST: readonly Column[] = ["serial", "title", "state", "customer", "category", "assignee", "priority", "updated"];
const KEPT_AS = "frontline.desk.ticket-columns";

export function keptColumns(): Column[] {
  const kept = (localStorage.getItem(KEPT_AS) ?? "").split(",");
  const known = COLUMNS.filter((column) => kept.includes(column));
  return known.length > 0 ? known : [...SHOWN_AT_FIRST];
}

export function keepColumns(columns: readonly Column[]): void {
  localStorage.setItem(KEPT_AS, columns.join(","));
}

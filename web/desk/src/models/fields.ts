/** Which fields of a ticket are shown: those with a value, those that must be filled, and what its kind of matter needs. */
import type { TicketField } from "../api/matters";

export interface FieldGroup {
  readonly name: string;
  readonly fields: readonly TicketField[];
}

const ORDER = ["custom", "person", "technical", "live", "trade"];
/** Asked for even while empty, so that nobody forgets them. */
const WANTED = new Set(["account", "device_model", "system_version", "app_version", "network_kind", "network_provider", "city", "order_number"]);

export function groupsOf(list: readonly TicketField[], values: Readonly<Record<string, string>>, isWhole: boolean): FieldGroup[] {
  const known = new Set(list.map((field) => field.key));
  const strays: TicketField[] = Object.keys(values).filter((key) => !known.has(key) && (values[key] ?? "") !== "").map(strayOf);
  const shown = [...list, ...strays].filter((field) => isWhole || field.custom || WANTED.has(field.key) || (values[field.key] ?? "") !== "");
  return ORDER.map((name) => ({ name, fields: shown.filter((field) => field.group === name) })).filter((group) => group.fields.length > 0);
}

/** What a form or an import left that no list names is shown under its own name. */
function strayOf(key: string): TicketField {
  return {
    key, label: key, kind: "text", mask: "text", group: "technical", custom: false,
    choices: [], categories: [], required: false, shown: false, position: 999, disabled: false,
  };
}

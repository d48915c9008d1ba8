import { expect, it } from "vitest";
import type { TicketField } from "../api/matters";
import { groupsOf } from "./fields";

const field = (key: string, group: string, custom = false): TicketField => ({
  key, label: key, kind: "text", mask: "text", group, custom, choices: [], categories: [], required: false, shown: false, position: 0, disabled: false,
});
const LIST = [field("account", "person"), field("city", "technical"), field("live_room", "live"), field("cf_1", "custom", true)];

it("shows what has a value, what is asked for and an admin's own, and all of it on demand", () => {
  expect(groupsOf(LIST, {}, false).map((group) => group.name)).toEqual(["custom", "person", "technical"]);
  expect(groupsOf(LIST, { live_room: "88" }, false).map((group) => group.name)).toContain("live");
  expect(groupsOf(LIST, {}, true)).toHaveLength(4);
});

it("keeps what no list names", () => {
  const [technical] = groupsOf([], { since: "昨晚" }, false);
  expect(technical?.fields.map((one) => one.key)).toEqual(["since"]);
});

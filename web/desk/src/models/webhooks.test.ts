import { describe, expect, it } from "vitest";
import { kindKey, pretty, reasonKey, spread } from "./webhooks";

const KINDS = ["ticket.created", "ticket.rated", "sla.warning"];

describe("webhooks in words", () => {
  it("spreads a family over its kinds", () => {
    expect(spread(["ticket.*"], KINDS)).toEqual(["ticket.created", "ticket.rated"]);
    expect(spread(["sla.warning"], KINDS)).toEqual(["sla.warning"]);
  });

  it("names kinds and reasons by keys of the catalogue", () => {
    expect(kindKey("ticket.state_changed")).toBe("ticket_state_changed");
    expect(reasonKey({ error: null })).toBeNull();
    expect(reasonKey({ error: "blocked" })).toBe("intake.hooks.error.blocked");
    expect(reasonKey({ error: "new one" })).toBe("intake.hooks.error.unreachable");
  });

  it("shows a body that is no JSON as it is", () => {
    expect(pretty('{"a":1}')).toBe('{\n  "a": 1\n}');
    expect(pretty("关于")).toBe("关于");
  });
});

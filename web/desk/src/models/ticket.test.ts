import { expect, it } from "vitest";
import { actsFor } from "./ticket";

it("puts the next act first and folds what is left", () => {
  expect(actsFor("new", ["notes", "confirm", "messages", "next-step", "resolve", "wait-customer", "escalate", "change"]))
    .toEqual({ shown: ["confirm", "resolve"], folded: ["escalate", "waitCustomer"] });
  expect(actsFor("resolved", ["reopen", "close", "review"])).toEqual({ shown: ["review", "close"], folded: ["reopen"] });
  expect(actsFor("in_progress", ["snooze", "resolve", "link", "merge", "split"])).toEqual({ shown: ["resolve"], folded: ["snooze", "split", "merge", "link"] });
  expect(actsFor("merged", ["notes"])).toEqual({ shown: [], folded: [] });
});

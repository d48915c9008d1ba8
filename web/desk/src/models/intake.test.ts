import { describe, expect, it } from "vitest";
import { emptyIntake, faultsOf, wireOf } from "./intake";

const NOW = new Date("2026-11-21T10:00:00Z");

describe("a ticket by hand", () => {
  it("needs a title, and consent for a contact", () => {
    expect(faultsOf(emptyIntake(NOW), false)).toEqual({ title: "intake.needTitle" });
    expect(faultsOf({ ...emptyIntake(NOW), title: "重复扣费", phone: "13812345678" }, false)).toEqual({ consent: "intake.needConsent" });
    expect(faultsOf({ ...emptyIntake(NOW), title: "重复扣费", phone: "一二三", consent: true, sourceUrl: "群里" }, true)).toEqual({
      phone: "intake.phoneWrong",
      sourceUrl: "intake.urlWrong",
      files: "intake.shotsBusy",
    });
  });

  it("sends what was filled in and nothing else", () => {
    const form = { ...emptyIntake(NOW), source: "qq_group" as const, title: " 重复扣费 ", name: "海棠", fields: { city: "成都", order_number: " " } };
    expect(wireOf(form, null, [])).toEqual({
      title: "重复扣费", description: "", channel_kind: "qq_group", priority: 3, take: true, customer_name: "海棠", fields: { city: "成都" },
      received_at: "2026-11-21T10:00:00.000Z",
    });
    expect(wireOf({ ...form, phone: "13812345678", consent: true }, "cus_1", ["fil_1"])).toMatchObject({ customer_id: "cus_1", phone: "13812345678", consent: true, attachments: ["fil_1"] });
    expect(wireOf(form, "cus_1", [])).not.toHaveProperty("customer_name");
  });
});

import { expect, it } from "vitest";
import { centsOf, inYuan } from "./money";

it("reads amounts as people write them and refuses the rest", () => {
  expect([centsOf("20"), centsOf("19.9"), centsOf(" 0.05 ")]).toEqual([2000, 1990, 5]);
  expect([centsOf(""), centsOf("-1"), centsOf("1.234"), centsOf("二十")]).toEqual([null, null, null, null]);
});

it("writes hundredths without zeros that say nothing", () => {
  expect([inYuan(2000), inYuan(1990), inYuan(5)]).toEqual(["20", "19.9", "0.05"]);
});

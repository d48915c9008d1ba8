import { describe, expect, it } from "vitest";
import { blocksOf, runsOf } from "./paper";

describe("a house's own text", () => {
  it("has headings, points, numbers and bold words", () => {
    const blocks = blocksOf("## 协议\n\n请同意：\n\n1. **不外传。** 不拍照\n2. 不抄录\n\n- 一\n- 二");
    expect(blocks.map((block) => [block.kind, block.lines.length])).toEqual([["heading", 1], ["words", 1], ["numbers", 2], ["points", 2]]);
    expect(blocks[2]?.lines[0]).toEqual([{ text: "不外传。", bold: true }, { text: " 不拍照", bold: false }]);
  });

  it("shows what it does not know as it is", () => {
    expect(runsOf("<b>x</b> **open")).toEqual([{ text: "<b>x</b> ", bold: false }, { text: "**open", bold: false }]);
    expect(blocksOf("")).toEqual([]);
  });
});

import { describe, expect, it } from "vitest";
import { addVariants, EMPTY_DRAFT, insertAt, isSame, lacking, lineDiff } from "./article";

describe("an article in the editor", () => {
  it("takes pasted phrasings line by line, each once", () => {
    expect(addVariants(["怎么投屏"], "投屏失败\n\n 怎么投屏? \n投屏失败")).toEqual({
      variants: ["怎么投屏", "投屏失败"], repeated: ["怎么投屏?", "投屏失败"],
    });
  });

  it("knows what changed and what is lacking", () => {
    expect(isSame(EMPTY_DRAFT, { ...EMPTY_DRAFT })).toBe(true);
    expect(isSame(EMPTY_DRAFT, { ...EMPTY_DRAFT, variants: ["x"] })).toBe(false);
    expect(lacking({ ...EMPTY_DRAFT, title: "t", answer: " " })).toEqual(["question", "answer", "area"]);
  });

  it("inserts where the cursor is", () => {
    expect(insertAt("ab", 1, 1, "![图](/p)")).toEqual({ text: "a![图](/p)b", cursor: 9 });
  });

  it("shows which lines came and went", () => {
    expect(lineDiff("一\n二\n三", "一\n2\n三\n四")).toEqual([
      { kind: "same", text: "一" }, { kind: "removed", text: "二" }, { kind: "added", text: "2" },
      { kind: "same", text: "三" }, { kind: "added", text: "四" },
    ]);
    expect(lineDiff("同", "同")).toEqual([{ kind: "same", text: "同" }]);
  });
});

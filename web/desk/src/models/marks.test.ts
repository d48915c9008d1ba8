import { describe, expect, it } from "vitest";
import { piecesOf } from "./marks";

describe("marks in a text", () => {
  it("stand where the gateway counted them, beside emoji too", () => {
    expect(piecesOf("😀会员退款", [[3, 5]])).toEqual([{ text: "😀会员", isMarked: false }, { text: "退款", isMarked: true }]);
  });

  it("lose nothing without marks or with foolish ones", () => {
    expect(piecesOf("会员", [])).toEqual([{ text: "会员", isMarked: false }]);
    expect(piecesOf("会员", [[1, 1], [0, 1], [0, 2]]).map((piece) => piece.text).join("")).toBe("会员");
  });
});

import { describe, expect, it } from "vitest";
import { Composition, type KeyPress } from "./composition";

/** A field as a browser has one: its value is there before our copy of it is. */
function field(): { composition: Composition; type: (text: string) => void; sent: string[]; copy: () => string } {
  let value = "";
  let copy = "";
  const sent: string[] = [];
  const composition = new Composition(
    () => (copy = value),
    () => sent.push(copy),
  );
  return { composition, sent, type: (text) => (value = text), copy: () => copy };
}

const enter = (more: Partial<KeyPress> = {}): KeyPress => ({ key: "Enter", shiftKey: false, isComposing: false, keyCode: 13, ...more });

describe("Enter in a field for Chinese", () => {
  it("sends the full text when nothing is being composed", () => {
    const { composition, type, sent } = field();
    type("退款多久到账");
    expect(composition.pressed(enter())).toBe(true);
    expect(sent).toEqual(["退款多久到账"]);
  });

  it("makes a new line with Shift", () => {
    const { composition, sent } = field();
    expect(composition.pressed(enter({ shiftKey: true }))).toBe(false);
    expect(sent).toEqual([]);
  });

  it("chooses a word while composing, whichever way the browser says so", () => {
    const { composition, type, sent } = field();
    composition.started();
    type("tuikuan");
    expect(composition.pressed(enter())).toBe(false);
    composition.ended();
    expect(composition.pressed(enter({ isComposing: true }))).toBe(false);
    // Safari: compositionend comes first, and the keydown after it carries 229.
    expect(composition.pressed(enter({ keyCode: 229 }))).toBe(false);
    expect(sent).toEqual([]);
    type("退款");
    expect(composition.pressed(enter())).toBe(true);
    expect(sent).toEqual(["退款"]);
  });

  it("reads the text at compositionend, because no input event may follow", () => {
    const { composition, type, copy } = field();
    composition.started();
    type("会员");
    expect(copy()).toBe("");
    composition.ended();
    expect(copy()).toBe("会员");
  });

  it("lets the button wait for the end of the word, and sends once", () => {
    const { composition, type, sent } = field();
    composition.started();
    type("发票");
    expect(composition.wantsToSend()).toBe("end the composition");
    expect(sent).toEqual([]);
    composition.ended();
    composition.started();
    composition.ended();
    expect(sent).toEqual(["发票"]);
  });
});

// @vitest-environment happy-dom
import { beforeEach, describe, expect, it } from "vitest";
import { Rows, type Part, type Row } from "./rows";

function part(slot: string, text: string): Part {
  return {
    slot,
    made: text,
    build: () => {
      const element = document.createElement("button");
      element.textContent = text;
      return element;
    },
  };
}

const row = (key: string, ...parts: Part[]): Row => ({ key, look: "row", parts });

describe("rows", () => {
  let list: HTMLElement;
  let rows: Rows;
  const texts = (): string[][] => [...list.children].map((one) => [...one.children].map((child) => child.textContent));

  beforeEach(() => {
    list = document.createElement("div");
    document.body.replaceChildren(list);
    rows = new Rows(list);
  });

  it("puts rows and parts in order, whatever stood there before", () => {
    rows.show([row("b", part("line", "2")), row("c", part("line", "3"))]);
    rows.show([row("a", part("line", "1")), row("b", part("name", "n"), part("line", "2"), part("mark", "m")), row("c", part("line", "3"))]);
    expect(texts()).toEqual([["1"], ["n", "2", "m"], ["3"]]);
    rows.show([row("c", part("line", "3")), row("b", part("line", "2"), part("mark", "m"))]);
    expect(texts()).toEqual([["3"], ["2", "m"]]);
  });

  it("does not touch what did not change", () => {
    rows.show([row("a", part("line", "1"), part("mark", "发送中"))]);
    const line = list.firstElementChild?.firstElementChild;
    rows.show([row("a", part("name", "n"), part("line", "1"), part("mark", "已送达"))]);
    expect(list.firstElementChild?.children[1]).toBe(line);
    expect(texts()).toEqual([["n", "1", "已送达"]]);
  });

  it("says which row is new", () => {
    expect(rows.show([row("a", part("line", "1"))])?.textContent).toBe("1");
    expect(rows.show([row("a", part("line", "1"))])).toBeNull();
    expect(rows.show([row("a", part("line", "1")), row("b", part("line", "2"))])?.textContent).toBe("2");
  });

  it("keeps the focus on the button that was made again", () => {
    const thumbs = (text: string): Part => ({
      slot: "thumbs",
      made: text,
      build: () => {
        const element = document.createElement("div");
        element.append(...["yes", "no"].map((one) => Object.assign(document.createElement("button"), { textContent: one + text })));
        return element;
      },
    });
    rows.show([row("a", thumbs("1"))]);
    list.querySelectorAll("button")[1]?.focus();
    rows.show([row("a", thumbs("2"))]);
    expect(document.activeElement?.textContent).toBe("no2");
  });
});

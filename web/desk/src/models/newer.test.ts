import { describe, expect, it, vi } from "vitest";
import { beginAnew } from "./newer";

function storage(): Pick<Storage, "getItem" | "setItem"> {
  const kept = new Map<string, string>();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) };
}

describe("a page whose files are gone", () => {
  it("begins anew once, and not again when that did not help", () => {
    const [kept, reload] = [storage(), vi.fn()];
    expect(beginAnew(kept, 1_000_000, reload)).toBe(true);
    expect(beginAnew(kept, 1_010_000, reload)).toBe(false);
    expect(reload).toHaveBeenCalledTimes(1);
  });

  it("begins anew after the next upgrade, too", () => {
    const [kept, reload] = [storage(), vi.fn()];
    beginAnew(kept, 1_000_000, reload);
    expect(beginAnew(kept, 2_000_000, reload)).toBe(true);
    expect(reload).toHaveBeenCalledTimes(2);
  });
});

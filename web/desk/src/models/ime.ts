/**
 * Whether an Enter is meant for the input method or for us. While a word is composed Enter chooses it; Safari tells of
 * that Enter only after `compositionend`, with keyCode 229, so both are asked.
 */
export interface KeyPress {
  readonly key: string;
  readonly isComposing: boolean;
  readonly keyCode: number;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
}

const IME_KEY_CODE = 229;

export type EnterMeans = "send" | "newline" | "nothing";

export function enterMeans(press: KeyPress): EnterMeans {
  if (press.key !== "Enter" || press.isComposing || press.keyCode === IME_KEY_CODE) return "nothing";
  if (press.ctrlKey || press.metaKey) return "send";
  return press.shiftKey || press.altKey ? "newline" : "send";
}

/**
 * What Enter means in a field where Chinese is typed.
 *
 * While an input method composes, Enter chooses a word. Browsers say so in three ways: `isComposing`, the key code 229,
 * and in Safari a keydown with 229 that comes after compositionend. The text is read again at compositionend, because
 * Chromium may send no input event after it.
 */

export interface KeyPress {
  readonly key: string;
  readonly shiftKey: boolean;
  readonly isComposing: boolean;
  readonly keyCode: number;
}

const KEY_CODE_COMPOSING = 229;

export class Composition {
  private composing = false;
  private sendAtEnd = false;

  constructor(
    private readonly flush: () => void,
    private readonly send: () => void,
  ) {}

  get isComposing(): boolean {
    return this.composing;
  }

  started(): void {
    this.composing = true;
  }

  ended(): void {
    this.composing = false;
    this.flush();
    if (this.sendAtEnd) {
      this.sendAtEnd = false;
      this.send();
    }
  }

  /** True when this press sent the text, so that the caller keeps the line break out of the field. */
  pressed(press: KeyPress): boolean {
    if (press.key !== "Enter" || press.shiftKey) return false;
    if (this.composing || press.isComposing || press.keyCode === KEY_CODE_COMPOSING) return false;
    this.flush();
    this.send();
    return true;
  }

  /** The send button: at once, or as soon as the word in the making is in the field. Says whether it has to be ended. */
  wantsToSend(): "sent" | "end the composition" {
    if (this.composing) {
      this.sendAtEnd = true;
      return "end the composition";
    }
    this.flush();
    this.send();
    return "sent";
  }
}

/** What the browser remembers of this visitor, in localStorage; where that is closed, for the length of the page view. */

export interface Remembered {
  readonly visitor_id?: string;
  readonly token?: string;
  readonly token_until?: number;
  /** The site's own user for whom the token was made; empty for a visitor. */
  readonly subject?: string;
  readonly last_seq?: number;
  readonly read_seq?: number;
  /** Until when a later page view looks for news without being opened. */
  readonly expects_until?: number;
}

export interface Shelf {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export class Memory {
  private kept: Remembered;

  constructor(
    private readonly shelf: Shelf | null,
    private readonly key: string,
  ) {
    this.kept = this.read();
  }

  get all(): Remembered {
    return this.kept;
  }

  /** Another tab may have written since, so its values are read before ours go in. */
  keep(changes: Partial<Remembered>): void {
    this.kept = { ...this.kept, ...this.read(), ...changes };
    try {
      this.shelf?.setItem(this.key, JSON.stringify(this.kept));
    } catch {
      // A full or closed store costs the memory of later page views, not this one.
    }
  }

  forget(...names: (keyof Remembered)[]): void {
    const left: Record<string, unknown> = { ...this.kept, ...this.read() };
    for (const name of names) delete left[name];
    this.kept = left;
    try {
      this.shelf?.setItem(this.key, JSON.stringify(left));
    } catch {
      // As above.
    }
  }

  private read(): Remembered {
    try {
      const kept: unknown = JSON.parse(this.shelf?.getItem(this.key) ?? "{}");
      return typeof kept === "object" && kept !== null ? kept : {};
    } catch {
      return {};
    }
  }
}

/** Asking for a store that the browser has closed throws. */
export function shelfOrNull(give: () => Shelf): Shelf | null {
  try {
    return give();
  } catch {
    return null;
  }
}

/**
 * A list of rows, each made of parts, brought in line with a description of it.
 *
 * What did not change is not touched: an open fold stays open, a drawn picture stays drawn, the focus stays where it is,
 * and a screen reader announces only what is new.
 */

export interface Part {
  /** Its place in the row; one part to a slot. */
  readonly slot: string;
  /** What it was made of; another text means that it has to be made again. */
  readonly made: string;
  build(): HTMLElement;
}

export interface Row {
  readonly key: string;
  readonly look: string;
  readonly parts: readonly Part[];
}

interface ShownPart {
  readonly made: string;
  readonly element: HTMLElement;
}

export class Rows {
  private readonly shown = new Map<string, { element: HTMLElement; parts: Map<string, ShownPart> }>();

  constructor(private readonly list: HTMLElement) {}

  /** Returns the last row that was not there before. */
  show(rows: readonly Row[]): HTMLElement | null {
    const keys = new Set(rows.map((row) => row.key));
    for (const [key, { element }] of this.shown) {
      if (keys.has(key)) continue;
      element.remove();
      this.shown.delete(key);
    }
    let added: HTMLElement | null = null;
    let at = this.list.firstElementChild;
    for (const row of rows) {
      let shown = this.shown.get(row.key);
      const isNew = shown === undefined;
      shown ??= { element: document.createElement("div"), parts: new Map() };
      const { element } = shown;
      if (element.className !== row.look) element.className = row.look;
      placeParts(element, shown.parts, row.parts);
      if (isNew) {
        this.shown.set(row.key, shown);
        added = element;
      }
      if (element === at) at = at.nextElementSibling;
      else this.list.insertBefore(element, at);
    }
    return added;
  }

  find(key: string): HTMLElement | undefined {
    return this.shown.get(key)?.element;
  }
}

function placeParts(row: HTMLElement, shown: Map<string, ShownPart>, parts: readonly Part[]): void {
  const slots = new Set(parts.map((part) => part.slot));
  for (const [slot, { element }] of shown) {
    if (slots.has(slot)) continue;
    element.remove();
    shown.delete(slot);
  }
  let at = row.firstElementChild;
  for (const part of parts) {
    const old = shown.get(part.slot);
    if (old !== undefined && old.made === part.made) {
      if (old.element === at) at = at.nextElementSibling;
      else row.insertBefore(old.element, at);
      continue;
    }
    const element = part.build();
    if (old === undefined) row.insertBefore(element, at);
    else {
      if (at === old.element) at = at.nextElementSibling;
      replaceWithFocus(old.element, element);
    }
    shown.set(part.slot, { made: part.made, element });
  }
}

/** A part that is made again while one of its buttons has the focus gives it to the same button of the new one. */
function replaceWithFocus(old: HTMLElement, fresh: HTMLElement): void {
  const active = (old.getRootNode() as Document | ShadowRoot).activeElement;
  const place = active === null ? -1 : [...old.querySelectorAll("button, a")].indexOf(active);
  old.replaceWith(fresh);
  if (place !== -1) fresh.querySelectorAll<HTMLElement>("button, a")[place]?.focus();
}

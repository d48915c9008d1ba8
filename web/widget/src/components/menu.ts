/** A button with a short list of acts under it, for the keyboard as for the hand. */
import { fill, h, sign } from "./dom";

export interface Act {
  readonly label: string;
  readonly run: () => void;
}

export class Menu {
  readonly element: HTMLElement;
  private readonly button: HTMLButtonElement;
  private readonly list: HTMLElement;

  constructor(
    label: string,
    private readonly acts: () => readonly Act[],
  ) {
    this.list = h("div", { class: "menu", role: "menu", "aria-label": label, hidden: true, onkeydown: (event: KeyboardEvent) => this.key(event) });
    this.button = h(
      "button",
      {
        class: "icon",
        type: "button",
        "aria-label": label,
        title: label,
        "aria-haspopup": "menu",
        "aria-expanded": "false",
        onclick: () => this.toggle(),
      },
      sign("more"),
    );
    this.element = h("div", { class: "menu-place", onfocusout: (event: FocusEvent) => this.left(event) }, this.button, this.list);
  }

  private toggle(): void {
    if (!this.list.hidden) {
      this.shut();
      return;
    }
    fill(
      this.list,
      ...this.acts().map((act) =>
        h(
          "button",
          {
            role: "menuitem",
            type: "button",
            onclick: () => {
              this.shut();
              act.run();
            },
          },
          act.label,
        ),
      ),
    );
    this.list.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    this.items[0]?.focus();
  }

  private shut(): void {
    this.list.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
  }

  private get items(): HTMLElement[] {
    return [...this.list.querySelectorAll<HTMLElement>("button")];
  }

  private key(event: KeyboardEvent): void {
    const { items } = this;
    const place = items.findIndex((item) => item.matches(":focus"));
    const to = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: items.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      items.at(to % items.length)?.focus();
    } else if (event.key === "Escape") {
      // One press closes one thing: the panel stays.
      event.stopPropagation();
      this.shut();
      this.button.focus();
    }
  }

  private left(event: FocusEvent): void {
    if (event.relatedTarget instanceof Node && this.element.contains(event.relatedTarget)) return;
    if (!this.list.hidden) this.shut();
  }
}

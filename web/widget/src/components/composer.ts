/** The field, its buttons, and the line that says why something was not sent. */
import { Composition } from "../models/composition";
import { TEXT_MOST_CHARACTERS } from "../models/chat";
import { ACCEPTED, faultOf } from "../models/pictures";
import type { RefusalKind } from "../api/refusal";
import { h, say, sign } from "./dom";
import type { Kit } from "./kit";

/** From here on the characters that are left are counted aloud. */
const COUNT_FROM = TEXT_MOST_CHARACTERS - 300;
const FIELD_MOST_PX = 132;

export class Composer {
  readonly element: HTMLElement;
  private readonly field: HTMLTextAreaElement;
  private readonly sendButton: HTMLButtonElement;
  private readonly complaint: HTMLElement;
  private readonly count: HTMLElement;
  private readonly composition = new Composition(
    () => this.flush(),
    () => this.send(),
  );

  constructor(
    private readonly kit: Kit,
    private readonly drafts: { get(): string; set(text: string): void },
  ) {
    const { t } = kit;
    this.field = h("textarea", {
      class: "field",
      rows: 1,
      "aria-label": t("fieldLabel"),
      placeholder: t("fieldHint"),
      enterkeyhint: "send",
      autocomplete: "off",
      oninput: () => this.flush(),
      oncompositionstart: () => this.composition.started(),
      oncompositionend: () => this.composition.ended(),
      onkeydown: (event: KeyboardEvent) => {
        if (this.composition.pressed(event)) event.preventDefault();
      },
      onpaste: (event: ClipboardEvent) => this.pasted(event),
    });
    const picker = h("input", {
      type: "file",
      accept: ACCEPTED,
      multiple: true,
      hidden: true,
      tabindex: "-1",
      onchange: () => {
        this.take([...(picker.files ?? [])]);
        picker.value = "";
      },
    });
    const attach = h(
      "button",
      { class: "icon", type: "button", "aria-label": t("attach"), title: t("attach"), onclick: () => picker.click() },
      sign("picture", 22),
    );
    this.sendButton = h(
      "button",
      {
        class: "icon send",
        type: "button",
        "aria-label": t("send"),
        title: t("send"),
        disabled: true,
        // The field keeps the focus, and a phone its keyboard.
        onpointerdown: (event: PointerEvent) => event.preventDefault(),
        onclick: () => this.pressedSend(),
      },
      sign("send", 20),
    );
    this.complaint = h("div", { class: "complaint", role: "alert", hidden: true });
    this.count = h("div", { class: "count", role: "status", hidden: true });
    this.element = h(
      "div",
      { class: "composer" },
      this.complaint,
      h("div", { class: "field-row" }, attach, picker, this.field, this.sendButton),
      this.count,
    );
    this.field.value = drafts.get();
    this.flush();
  }

  focus(): void {
    this.field.focus({ preventScroll: true });
  }

  holds(text: string): boolean {
    return this.field.value.trim() === text;
  }

  update(): void {
    const { chat, t } = this.kit;
    this.field.placeholder = t(chat.mode === "bot" ? "fieldHint" : "fieldHintAgent");
  }

  /** The text was refused: it goes back, unless something new has been begun. */
  giveBack(text: string, kind: RefusalKind, retryAfterS: number | null): void {
    const { t } = this.kit;
    if (this.field.value.trim() === "") {
      this.field.value = text;
      this.flush();
    }
    const seconds = Math.max(1, Math.ceil(retryAfterS ?? 1));
    if (kind === "network") this.complain(t("returnedNetwork"));
    else if (kind === "limited") this.complain(t("returnedLimited", { seconds }));
    else if (kind === "invalid" || kind === "too_large") this.complain(t("returnedInvalid"));
    else this.complain(t("returnedServer"));
  }

  /** It arrived after all: what was given back must not be sent twice. */
  accepted(text: string): void {
    this.complain("");
    if (!this.holds(text)) return;
    this.field.value = "";
    this.flush();
  }

  /** Files from the button, the clipboard, or dropped on the panel. */
  take(files: readonly File[]): void {
    const { chat, t } = this.kit;
    this.complain("");
    for (const file of files) {
      const fault = faultOf(file);
      if (fault === null) chat.sendFile(file);
      else this.complain(t(fault === "kind" ? "fileKind" : "fileSize"));
    }
  }

  private pasted(event: ClipboardEvent): void {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    this.take(files);
  }

  private pressedSend(): void {
    if (this.composition.wantsToSend() === "sent") return;
    // Leaving the field makes the input method hand over its word; then it is sent.
    this.field.blur();
    this.field.focus();
  }

  private send(): void {
    const text = this.field.value.trim();
    if (text === "" || text.length > TEXT_MOST_CHARACTERS) return;
    this.field.value = "";
    this.complain("");
    this.flush();
    this.kit.chat.sendText(text);
  }

  /** Bring everything in line with what stands in the field now. */
  private flush(): void {
    const { t } = this.kit;
    const text = this.field.value;
    const left = TEXT_MOST_CHARACTERS - text.trim().length;
    this.drafts.set(text);
    this.sendButton.disabled = text.trim() === "" || left < 0;
    this.count.hidden = text.length < COUNT_FROM;
    this.count.classList.toggle("bad", left < 0);
    if (!this.count.hidden) say(this.count, left < 0 ? t("countOver", { count: -left }) : t("countLeft", { count: left }));
    this.fit();
    if (text !== "") this.kit.chat.typed();
  }

  /** As tall as its text, up to a limit; a field that is not shown has no height to measure. */
  fit(): void {
    this.field.style.height = "auto";
    const needed = this.field.scrollHeight;
    if (needed > 0) this.field.style.height = `${Math.min(FIELD_MOST_PX, needed)}px`;
  }

  private complain(text: string): void {
    this.complaint.hidden = text === "";
    say(this.complaint, text);
  }
}

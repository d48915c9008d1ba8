/** Pictures and videos of a feedback: each goes up at once, shows how far it is, and may be tried again or dropped. */
import { asRefusal } from "../../widget/src/api/refusal";
import { fill, h, sign } from "../../widget/src/components/dom";
import { ACCEPTED, faultOf, fileSize } from "../../widget/src/models/pictures";
import { uploadForFeedback, type Sending } from "./api";
import { t } from "./frame";
import { MOST_FILES } from "./models/feedback";

interface Item {
  readonly file: File;
  readonly preview: string | null;
  share: number;
  state: "going" | "there" | "failed";
  id: string | null;
  sending: Sending | null;
}

export class FeedbackFiles {
  readonly element: HTMLElement;
  private readonly grid = h("ul", { class: "shots" });
  private readonly input = h("input", { type: "file", accept: ACCEPTED, multiple: true, hidden: true, "aria-label": t("feedbackAddFile") });
  private items: Item[] = [];

  constructor(
    private readonly channel: () => string,
    private readonly onFault: (words: string) => void,
  ) {
    this.input.onchange = () => {
      this.add([...(this.input.files ?? [])]);
      this.input.value = "";
    };
    this.element = h("div", { class: "shots-field" }, this.grid, this.input);
    this.show();
  }

  get isBusy(): boolean {
    return this.items.some((one) => one.state === "going");
  }

  get ids(): string[] {
    return this.items.flatMap((one) => (one.id === null ? [] : [one.id]));
  }

  add(files: readonly File[]): void {
    this.onFault("");
    for (const file of files) {
      const fault = faultOf(file);
      if (fault !== null) {
        this.onFault(t(fault === "kind" ? "feedbackFileKind" : "feedbackFileSize", { name: file.name }));
        continue;
      }
      if (this.items.length >= MOST_FILES) {
        this.onFault(t("feedbackFilesMost", { count: MOST_FILES }));
        break;
      }
      const item: Item = { file, preview: file.type.startsWith("image/") ? URL.createObjectURL(file) : null, share: 0, state: "going", id: null, sending: null };
      this.items.push(item);
      void this.send(item);
    }
    this.show();
  }

  private async send(item: Item): Promise<void> {
    item.state = "going";
    item.share = 0;
    item.sending = uploadForFeedback(this.channel(), item.file, (share) => {
      item.share = share;
      const bar = this.grid.querySelector<HTMLProgressElement>(`[data-at="${this.items.indexOf(item)}"] progress`);
      if (bar !== null) bar.value = share;
    });
    this.show();
    try {
      item.id = (await item.sending.done).attachment_id;
      item.state = "there";
    } catch (error) {
      item.state = "failed";
      if (this.items.includes(item)) this.onFault(t(asRefusal(error).kind === "limited" ? "feedbackLimited" : asRefusal(error).kind === "invalid" ? "feedbackFileKind" : "feedbackFileFailed", { name: item.file.name }));
    }
    this.show();
  }

  private drop(item: Item): void {
    item.sending?.stop();
    if (item.preview !== null) URL.revokeObjectURL(item.preview);
    this.items = this.items.filter((one) => one !== item);
    this.onFault("");
    this.show();
  }

  private show(): void {
    const adder =
      this.items.length >= MOST_FILES
        ? null
        : h("li", {}, h("button", { class: "shot-add", type: "button", onclick: () => this.input.click() }, sign("picture", 24), h("span", {}, t("feedbackAddFile"))));
    fill(this.grid, ...this.items.map((item, at) => this.tile(item, at)), adder);
  }

  private tile(item: Item, at: number): HTMLElement {
    const failed = item.state === "failed";
    return h(
      "li",
      { class: `shot ${item.state}`, "data-at": at },
      item.preview === null ? h("span", { class: "shot-video" }, sign("play", 24), h("small", {}, fileSize(item.file.size))) : h("img", { src: item.preview, alt: item.file.name }),
      item.state === "going" ? h("progress", { max: 1, value: item.share, "aria-label": t("feedbackUploading", { name: item.file.name }) }) : null,
      failed ? h("button", { class: "shot-again", type: "button", onclick: () => void this.send(item) }, t("again")) : null,
      h("button", { class: "shot-drop", type: "button", "aria-label": t("feedbackDropFile", { name: item.file.name }), onclick: () => this.drop(item) }, sign("close", 14)),
    );
  }
}

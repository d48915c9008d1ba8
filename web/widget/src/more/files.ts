/** Choosing a file for a ticket: which, how far it has gone out, and how to stop it. */
import type { Translate } from "../../../shared/ts/catalogue";
import type { Upload } from "../api/client";
import { fill, h, say, sign } from "../components/dom";
import type { MoreKey } from "../i18n/more.zh-CN";
import { ACCEPTED, faultOf, fileSize } from "../models/pictures";

export interface FilesWorld {
  readonly t: Translate<MoreKey>;
  upload(file: File, onProgress: (part: number) => void): Promise<Upload> | Upload;
  /** The file is with the server; put it on the ticket. */
  sent(attachmentId: string): Promise<void>;
}

/** A button, and under it the file that is on its way. */
export class FileField {
  readonly element: HTMLElement;
  busy = false;
  private readonly place = h("div", { class: "file-place", role: "status" });

  constructor(private readonly world: FilesWorld) {
    const { t } = world;
    const input = h("input", { type: "file", accept: ACCEPTED, class: "file-input", "aria-label": t("addFile"), tabindex: "-1" });
    input.onchange = () => {
      const file = input.files?.[0];
      input.value = "";
      if (file !== undefined && !this.busy) void this.take(file);
    };
    const button = h("button", { class: "small quiet", type: "button", onclick: () => input.click() }, sign("picture", 16), t("addFile"));
    this.element = h("div", { class: "file-field" }, button, input, this.place);
  }

  private async take(file: File): Promise<void> {
    const { t } = this.world;
    const fault = faultOf(file);
    if (fault !== null) {
      fill(this.place, h("span", { class: "complaint" }, t(fault === "kind" ? "fileKind" : "fileSize")));
      return;
    }
    this.busy = true;
    const bar = h("progress", { max: 1, value: 0, "aria-label": t("fileSending") });
    const said = h("span", {}, `${file.name} · ${fileSize(file.size)}`);
    const stop = h("button", { class: "text-button", type: "button" }, t("cancel"));
    fill(this.place, said, bar, stop);
    let stopped = false;
    try {
      const upload = await this.world.upload(file, (part) => (bar.value = part));
      stop.onclick = () => {
        stopped = true;
        upload.abort();
      };
      const { attachment_id: id } = await upload.done;
      this.busy = false;
      await this.world.sent(id);
    } catch {
      this.busy = false;
      if (stopped) fill(this.place);
      else fill(this.place, h("span", { class: "complaint" }, t("actFailed")), h("button", { class: "text-button", type: "button", onclick: () => void this.take(file) }, t("again")));
      return;
    }
    say(this.place, "");
  }
}

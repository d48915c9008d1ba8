/** A picture or video over everything, closed by Escape, the button, or a tap beside it. */
import type { Translate } from "../../../shared/ts/catalogue";
import { download } from "../components/media";
import { fill, h, sign } from "../components/dom";
import type { MoreKey } from "../i18n/more.zh-CN";

export function showPicture(root: ParentNode & Node, t: Translate<MoreKey>, blob: Blob, name: string, kind: "image" | "video"): Promise<void> {
  const address = URL.createObjectURL(blob);
  const place = h("div", { class: "viewer-place" });
  const dialog = h(
    "dialog",
    {
      class: "viewer",
      "aria-label": t("viewer"),
      onclick: (event: MouseEvent) => {
        if (event.target === dialog || event.target === place) dialog.close();
      },
      onkeydown: (event: KeyboardEvent) => event.stopPropagation(),
    },
    place,
    h(
      "div",
      { class: "viewer-acts" },
      h("span", {}, name),
      h("button", { class: "small", type: "button", onclick: () => download(blob, name) }, t("download")),
      h("button", { class: "icon", type: "button", "aria-label": t("viewerClose"), onclick: () => dialog.close() }, sign("close")),
    ),
  );
  const element = kind === "video" ? h("video", { controls: true, playsinline: true, src: address }) : h("img", { alt: name, src: address });
  // A site's policy may forbid blob addresses; a canvas needs none. A video can still be downloaded.
  element.onerror = () => {
    if (kind === "video") fill(place, h("p", {}, t("viewerFailed")));
    else void drawn(blob).then((canvas) => fill(place, canvas), () => fill(place, h("p", {}, t("viewerFailed"))));
  };
  fill(place, element);
  root.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => {
      dialog.remove();
      URL.revokeObjectURL(address);
      resolve();
    };
  });
}

async function drawn(blob: Blob): Promise<HTMLCanvasElement> {
  const bitmap = await createImageBitmap(blob);
  const canvas = h("canvas", { width: bitmap.width, height: bitmap.height });
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
  return canvas;
}

/** Pictures, videos and files in the talk. A picture is drawn on a canvas, which no site's policy forbids. */
import type { Attachment } from "../api/types";
import type { Pending } from "../models/thread";
import { fileSize } from "../models/pictures";
import { fill, h, say, sign } from "./dom";
import type { Kit } from "./kit";

const THUMB_WIDTH = 220;
const THUMB_HEIGHT = 220;

export function attachmentView(kit: Kit, attachment: Attachment): HTMLElement {
  const { t } = kit;
  let blob: Promise<Blob> | null = null;
  const load = (): Promise<Blob> =>
    (blob ??= kit.chat.session
      .token()
      .then((token) => kit.chat.client.attachment(token, attachment.attachment_id))
      .catch((error: unknown) => {
        blob = null;
        throw error;
      }));
  if (attachment.kind === "image") return pictureView(kit, attachment.name, load, attachment);
  const isVideo = attachment.kind === "video";
  const label = h("span", { class: "file-name" }, attachment.name);
  const size = h("span", { class: "file-size" }, `${isVideo ? `${t("video")} · ` : ""}${fileSize(attachment.bytes)}`);
  const open = async (): Promise<void> => {
    try {
      const content = await load();
      if (isVideo) await (await kit.more()).showPicture(content, attachment.name, "video");
      else download(content, attachment.name);
    } catch {
      say(size, t("fileGone"));
    }
  };
  return h(
    "button",
    { class: "file", type: "button", onclick: () => void open() },
    sign(isVideo ? "play" : "file", 24),
    h("span", { class: "file-words" }, label, size),
  );
}

/** What is being sent, from the customer's own disk. */
export function pendingFileView(kit: Kit, pending: Pending & { file: File }): HTMLElement {
  if (pending.kind === "image") return pictureView(kit, pending.text, () => Promise.resolve(pending.file), null);
  return h(
    "div",
    { class: "file" },
    sign("play", 24),
    h("span", { class: "file-words" }, h("span", { class: "file-name" }, pending.text), h("span", { class: "file-size" }, fileSize(pending.file.size))),
  );
}

function pictureView(kit: Kit, name: string, load: () => Promise<Blob>, size: Attachment | null): HTMLElement {
  const { t } = kit;
  const frame = h("button", { class: "picture", type: "button", "aria-label": t("pictureOf", { name }) });
  const box = fit(size?.width ?? 4, size?.height ?? 3);
  // Room is kept before the picture is there, so that the talk does not jump.
  frame.style.width = `${box.width}px`;
  frame.style.height = `${box.height}px`;
  const draw = async (): Promise<void> => {
    fill(frame, h("span", { class: "picture-wait" }));
    try {
      const bitmap = await createImageBitmap(await load());
      const fitted = fit(bitmap.width, bitmap.height);
      const sharpness = Math.min(2, devicePixelRatio || 1);
      const canvas = h("canvas", { width: Math.round(fitted.width * sharpness), height: Math.round(fitted.height * sharpness) });
      canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
      bitmap.close();
      frame.style.width = `${fitted.width}px`;
      frame.style.height = `${fitted.height}px`;
      fill(frame, canvas);
      frame.onclick = () => void kit.more().then(async (more) => more.showPicture(await load(), name, "image"));
    } catch {
      fill(frame, sign("picture", 24), h("span", {}, t("fileGone")));
      frame.onclick = () => void draw();
    }
  };
  void draw();
  return frame;
}

function fit(width: number, height: number): { width: number; height: number } {
  const scale = Math.min(1, THUMB_WIDTH / width, THUMB_HEIGHT / height);
  const blown = width <= 4 ? THUMB_WIDTH / width : scale;
  return { width: Math.max(48, Math.round(width * blown)), height: Math.max(48, Math.round(height * blown)) };
}

export function download(blob: Blob, name: string): void {
  const address = URL.createObjectURL(blob);
  h("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

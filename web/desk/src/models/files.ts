/** What may be attached, before the server looks into it. */

const MB = 1024 * 1024;
const LARGEST_PICTURE = 10 * MB;
const LARGEST_VIDEO = 50 * MB;

export const ACCEPTED = "image/png,image/jpeg,image/webp,image/gif,video/mp4";

export function isTooLarge(file: { type: string; size: number }): boolean {
  return file.size > (file.type.startsWith("video/") ? LARGEST_VIDEO : LARGEST_PICTURE);
}

export function bytesInWords(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < MB ? `${Math.round(bytes / 1024)} KB` : `${(bytes / MB).toFixed(1)} MB`;
}

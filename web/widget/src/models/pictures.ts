/** Which files may be sent; the server checks again, by their content. */

const MEGABYTE = 1_000_000;
const LIMITS: Readonly<Record<string, number>> = {
  "image/png": 10 * MEGABYTE,
  "image/jpeg": 10 * MEGABYTE,
  "image/webp": 10 * MEGABYTE,
  "image/gif": 10 * MEGABYTE,
  "video/mp4": 50 * MEGABYTE,
};

export const ACCEPTED = Object.keys(LIMITS).join(",");

export type FileFault = "kind" | "size";

export function faultOf(file: { readonly type: string; readonly size: number }): FileFault | null {
  const limit = LIMITS[file.type];
  if (limit === undefined) return "kind";
  return file.size > limit ? "size" : null;
}

export function fileSize(bytes: number): string {
  return bytes < MEGABYTE ? `${Math.max(1, Math.round(bytes / 1_000))} KB` : `${(bytes / MEGABYTE).toFixed(1)} MB`;
}

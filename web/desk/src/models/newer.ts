/**
 * After an upgrade the files of the former build are gone. A page that stood open meanwhile cannot load what it has not
 * loaded yet, so it begins anew: once, since a file that is missing again is missing for another reason.
 */

const KEY = "desk.began-anew";
const SOON_MS = 60_000;

/** Reload unless that was tried a moment ago; whether it does. */
export function beginAnew(kept: Pick<Storage, "getItem" | "setItem">, now: number, reload: () => void): boolean {
  const last = Number(kept.getItem(KEY) ?? 0);
  if (now - last < SOON_MS) return false;
  kept.setItem(KEY, String(now));
  reload();
  return true;
}

const FIRST_MS = 500;
const LONGEST_MS = 15_000;

/** How long to wait before the next try: doubling, capped, spread by `random` (0–1) so that a whole office does not knock at once. */
export function backoffMs(attempt: number, random: number): number {
  const whole = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.max(0, attempt - 1));
  return Math.round(whole * (0.5 + random / 2));
}

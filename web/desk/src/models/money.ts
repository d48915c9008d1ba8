/** Amounts as people write them, and hundredths as the gateway counts them. */

/** "19.9" → 1990; null for what is no amount. */
export function centsOf(text: string): number | null {
  const found = /^(\d{1,7})(?:\.(\d{1,2}))?$/.exec(text.trim());
  if (found === null) return null;
  return Number(found[1]) * 100 + Number((found[2] ?? "").padEnd(2, "0"));
}

/** 1990 → "19.9", 2000 → "20". */
export function inYuan(cents: number): string {
  return cents % 100 === 0 ? String(cents / 100) : (cents / 100).toFixed(2).replace(/0$/, "");
}

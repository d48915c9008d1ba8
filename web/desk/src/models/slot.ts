/** Which of several log-ins of one browser a tab is: /desk/u/3/tickets → 3. */
export function slotOf(path: string): number | null {
  const found = /^\/desk\/u\/(\d{1,3})(?:\/|$)/.exec(path)?.[1];
  return found === undefined ? null : Number(found);
}

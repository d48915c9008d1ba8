/** The gateway refuses shorter ones; told here before it is asked. */
export const SHORTEST_PASSWORD = 10;

/** Signs that nobody mistakes for another when read aloud. */
const SIGNS = "abcdefghjkmnpqrstuvwxyz23456789";
const LENGTH = 14;

export function suggestPassword(): string {
  return [...crypto.getRandomValues(new Uint32Array(LENGTH))].map((number) => SIGNS[number % SIGNS.length]).join("");
}

/** A fresh id for a message. `crypto.randomUUID` exists only on https and localhost; an office's plain address has to work too. */
export function newClientId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whether a contact can be what it says it is. Lenient: a number of another country is fine, a slip of the finger is not. */

export type ContactFault = "contactNeed" | "phoneWrong" | "emailWrong";

export function contactFault(given: { readonly phone: string; readonly email: string }): ContactFault | null {
  if (given.phone === "" && given.email === "") return "contactNeed";
  if (given.phone !== "" && !isPhone(given.phone)) return "phoneWrong";
  if (given.email !== "" && !/^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/.test(given.email)) return "emailWrong";
  return null;
}

function isPhone(text: string): boolean {
  const digits = text.replace(/[\s\-()]/g, "");
  if (/^(\+?86)?1\d{10}$/.test(digits)) return true;
  // A Chinese mobile number with one digit too few or too many is the commonest slip.
  if (/^1\d*$/.test(digits)) return false;
  return /^\+?\d{7,15}$/.test(digits);
}

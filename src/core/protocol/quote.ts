import type { Json } from "../shared/json.js";

/**
 * `JSON.stringify` for a ref. Refs are short strings of digits nearly always, and those need no escaping; looking
 * at each character of a short string is several times cheaper than the general way.
 */
export function quoteRef(ref: Json): string {
  if (ref === null) return "null";
  if (typeof ref === "string" && ref.length < 12 && isDigits(ref)) return `"${ref}"`;
  return JSON.stringify(ref);
}

function isDigits(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 48 || code > 57) return false;
  }
  return true;
}

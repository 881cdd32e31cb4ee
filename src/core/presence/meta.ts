import type { JsonObject } from "../shared/json.js";

/** Deepest nesting of a meta. Also what stops a value that contains itself. */
export const metaDepthMax = 32;

/** A meta that may be stored, or why not. */
export type MetaCopy =
  | { readonly ok: true; readonly meta: JsonObject; readonly bytes: number }
  | { readonly ok: false; readonly reason: "meta_invalid" | "meta_too_large" };

const invalid = { ok: false, reason: "meta_invalid" } as const;
const tooLarge = { ok: false, reason: "meta_too_large" } as const;

/**
 * Takes a copy of a meta, so that later changes by the caller reach nobody. A meta is an object of plain JSON;
 * properties that are undefined are left out, as `JSON.stringify` does.
 */
export function copyMeta(meta: unknown, bytesMax: number): MetaCopy {
  if (!isPlainObject(meta)) return invalid;
  // Every value costs at least one byte of text, so a larger structure need not be walked to its end.
  const budget = { values: bytesMax };
  const fault = walk(meta, 1, budget);
  if (fault !== undefined) return fault;
  const text = JSON.stringify(meta);
  const bytes = utf8Bytes(text);
  if (bytes > bytesMax) return tooLarge;
  // A parsed copy also keeps a key named __proto__ an ordinary key.
  const copy = freezeInner(JSON.parse(text));
  return copy === undefined ? invalid : { ok: true, meta: copy, bytes };
}

/**
 * Freezes what is inside of a parsed meta: lists give copies of the outermost object only, and nobody who reads them
 * may change what is stored. Most metas are flat, and cost nothing. Undefined when it is nested too deep.
 */
export function freezeInner(meta: JsonObject): JsonObject | undefined {
  return Object.values(meta).every((inner) => freeze(inner, 2)) ? meta : undefined;
}

function freeze(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (depth > metaDepthMax || !Object.values(value).every((inner) => freeze(inner, depth + 1))) return false;
  Object.freeze(value);
  return true;
}

function walk(value: unknown, depth: number, budget: { values: number }): MetaCopy | undefined {
  if (--budget.values < 0) return tooLarge;
  switch (typeof value) {
    case "string":
    case "boolean":
      return undefined;
    case "number":
      return Number.isFinite(value) ? undefined : invalid;
    case "object":
      break;
    default:
      return invalid;
  }
  if (value === null) return undefined;
  if (depth > metaDepthMax) return invalid;
  if (!Array.isArray(value) && !isPlainObject(value)) return invalid;
  for (const key of Object.keys(value)) {
    const property = Object.getOwnPropertyDescriptor(value, key);
    // A getter is the application's code: it could do anything in the middle of a change.
    if (property === undefined || property.get !== undefined || property.set !== undefined) return invalid;
    const inner: unknown = property.value;
    if (inner === undefined && !Array.isArray(value)) continue;
    const fault = walk(inner, depth + 1, budget);
    if (fault !== undefined) return fault;
  }
  // Holes are skipped above, and would come back as null.
  return Array.isArray(value) && Object.keys(value).length !== value.length ? invalid : undefined;
}

/** Objects of another realm count too: what matters is that nothing but a root prototype is inherited. */
function isPlainObject(value: unknown): value is object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Length of `text` in UTF-8; a lone surrogate counts as the replacement that encoders write. */
export function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    bytes += unit < 0x800 || (unit & 0xf800) === 0xd800 ? 1 : 2;
    // A pair takes four bytes, two for each unit; a lone one takes three.
    if ((unit & 0xf800) === 0xd800 && !isPaired(text, i)) bytes += 1;
  }
  return bytes;
}

function isPaired(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  const other = (unit & 0xfc00) === 0xd800 ? text.charCodeAt(at + 1) : text.charCodeAt(at - 1);
  return (other & 0xfc00) === ((unit & 0xfc00) === 0xd800 ? 0xdc00 : 0xd800);
}

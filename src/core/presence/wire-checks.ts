import type { JsonObject } from "../shared/json.js";

/** A whole number from zero on. */
export function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** For values out of `JSON.parse`, where every object is a JSON object. */
export function isParsedObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

import { Atom, Tuple } from "../../auth/phoenix-token/term.js";

/** Writes a value as JSON on its own line. What JSON has no form for is written as an object that says what it is. */
export function showJson(value: object): string {
  return `${JSON.stringify(plain(value), undefined, 2)}\n`;
}

function plain(value: unknown): unknown {
  if (typeof value === "bigint") return { integer: String(value) };
  if (typeof value !== "object" || value === null) return value;
  if (Atom.is(value)) return { atom: value.name };
  if (Tuple.is(value)) return { tuple: value.elements.map(plain) };
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString("base64") };
  if (value instanceof Map) return { map: [...value].map(([key, one]) => [plain(key), plain(one)]) };
  if (Array.isArray(value)) return value.map(plain);
  // By entries, so that a member called __proto__ is one.
  const members: Record<string, unknown> = Object.create(null);
  for (const [name, one] of Object.entries(value)) members[name] = plain(one);
  return members;
}

/** A moment as people read it; undefined stays so, and one that no calendar has is a number. */
export function showTime(seconds: number | undefined): string | number | undefined {
  if (seconds === undefined) return undefined;
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? seconds : date.toISOString();
}

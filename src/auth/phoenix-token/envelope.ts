import { Atom, type Term, Tuple } from "./term.js";

/** What a token carries besides its data. */
export interface Envelope {
  readonly data: Term;
  readonly signedAtMs: number;
  /** `Infinity`: never expires. */
  readonly maxAgeSeconds: number;
}

/** How long a token is good for that does not say so: a day. */
export const defaultMaxAgeSeconds = 86_400;

const infinity = "infinity";

/** The term that Phoenix signs: data, when, and for how long. */
export function toTerm({ data, signedAtMs, maxAgeSeconds }: Envelope): Tuple {
  const maxAge = maxAgeSeconds === Number.POSITIVE_INFINITY ? new Atom(infinity) : maxAgeSeconds;
  return new Tuple([data, signedAtMs, maxAge]);
}

/** Reads what `toTerm` wrote, and the two forms of older versions, which had no age. */
export function fromTerm(term: Term): Envelope | undefined {
  if (Tuple.is(term)) {
    const [data, signed, maxAge = defaultMaxAgeSeconds] = term.elements;
    return term.elements.length === 2 || term.elements.length === 3
      ? envelope(data, signed, maxAge)
      : undefined;
  }
  if (typeof term !== "object" || term === null || !("data" in term) || !("signed" in term)) return undefined;
  return envelope(term.data, term.signed, defaultMaxAgeSeconds);
}

function envelope(data: Term | undefined, signed: Term | undefined, maxAge: Term): Envelope | undefined {
  const [signedAtMs, maxAgeSeconds] = [toNumber(signed), toNumber(maxAge)];
  if (data === undefined || signedAtMs === undefined || maxAgeSeconds === undefined) return undefined;
  return { data, signedAtMs, maxAgeSeconds };
}

function toNumber(term: Term | undefined): number | undefined {
  if (typeof term === "number") return term;
  // Beyond 2^53 milliseconds or seconds nothing turns on the last digit.
  if (typeof term === "bigint") return Number(term);
  return Atom.is(term) && term.name === infinity ? Number.POSITIVE_INFINITY : undefined;
}

/** Whether a token is good now: the same answers as Phoenix's, in the same order. */
export function judgeAge(
  signedAtMs: number,
  maxAgeSeconds: number,
  nowMs: number,
): "ok" | "invalid" | "expired" {
  if (maxAgeSeconds === Number.POSITIVE_INFINITY) return "ok";
  if (maxAgeSeconds <= 0) return "expired";
  if (signedAtMs > nowMs) return "invalid";
  return expiryMs(signedAtMs, maxAgeSeconds) < nowMs ? "expired" : "ok";
}

/** The last millisecond that a token is good for. */
export function expiryMs(signedAtMs: number, maxAgeSeconds: number): number {
  return signedAtMs + Math.trunc(maxAgeSeconds * 1000);
}

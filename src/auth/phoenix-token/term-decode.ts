import { inflateSync } from "node:zlib";
import { Atom, type Term, type TermLimits, type TermRecord, Tuple } from "./term.js";
import { tag } from "./term-tags.js";

/** Why bytes are no term that we take. */
export type TermFault =
  | "malformed"
  | "truncated"
  | "trailing_bytes"
  | "unsupported"
  | "improper_list"
  | "ambiguous_key"
  | "too_deep"
  | "too_large";

/** What {@link decodeTerm} gives. */
export type DecodedTerm =
  | { readonly ok: true; readonly term: Term }
  | { readonly ok: false; readonly fault: TermFault };

/** What Erlang printed floats into before it wrote them as eight bytes. */
const printedFloat = /^ *[+-]?\d+\.\d+(e[+-]?\d+)?\0*$/i;
const printedFloatBytes = 31;

/**
 * Reads the external term format. Functions, pids, ports, references and bit strings are refused: nothing that a token
 * should carry. Never throws: whatever the bytes are, the answer is a value.
 */
export function decodeTerm(bytes: Uint8Array, limits: TermLimits): DecodedTerm {
  if (bytes.length > limits.bytesMax) return { ok: false, fault: "too_large" };
  if (bytes.length < 2) return { ok: false, fault: "truncated" };
  if (bytes[0] !== tag.version) return { ok: false, fault: "malformed" };
  if (bytes[1] !== tag.compressed) return new TermReader(bytes.subarray(1), limits).readAll();
  const inflated = inflate(bytes, limits);
  if (typeof inflated === "string") return { ok: false, fault: inflated };
  return new TermReader(inflated, limits).readAll();
}

/** The term behind the header of a compressed one, never inflated beyond what was declared and is allowed. */
function inflate(bytes: Uint8Array, limits: TermLimits): Uint8Array | TermFault {
  if (bytes.length < 6) return "truncated";
  const declared = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(2);
  if (declared >= limits.bytesMax) return "too_large";
  try {
    const inflated = inflateSync(bytes.subarray(6), { maxOutputLength: declared + 1 });
    return inflated.length === declared ? inflated : "malformed";
  } catch {
    // The peer's fault, whatever it is: not zlib, cut short, or longer than declared.
    return "malformed";
  }
}

/** Reads one term; the first fault ends the reading, and every method answers undefined from then on. */
class TermReader {
  readonly #bytes: Buffer;
  readonly #depthMax: number;
  #at = 0;
  #fault: TermFault = "malformed";

  constructor(bytes: Uint8Array, limits: TermLimits) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#depthMax = limits.depthMax;
  }

  readAll(): DecodedTerm {
    const term = this.#read(0);
    if (term === undefined) return { ok: false, fault: this.#fault };
    if (this.#at < this.#bytes.length) return { ok: false, fault: "trailing_bytes" };
    return { ok: true, term };
  }

  #fail(fault: TermFault): undefined {
    this.#fault = fault;
    return undefined;
  }

  /** Moves past `count` bytes and gives where they began; undefined when there are fewer. */
  #take(count: number): number | undefined {
    if (count > this.#bytes.length - this.#at) return this.#fail("truncated");
    const from = this.#at;
    this.#at += count;
    return from;
  }

  #uint(width: 1 | 2 | 4): number | undefined {
    const from = this.#take(width);
    return from === undefined ? undefined : this.#bytes.readUIntBE(from, width);
  }

  #slice(count: number | undefined): Buffer | undefined {
    const from = count === undefined ? undefined : this.#take(count);
    return from === undefined ? undefined : this.#bytes.subarray(from, this.#at);
  }

  #read(depth: number): Term | undefined {
    const kind = this.#uint(1);
    switch (kind) {
      case undefined:
        return undefined;
      case tag.smallInteger:
        return this.#uint(1);
      case tag.integer: {
        const from = this.#take(4);
        return from === undefined ? undefined : this.#bytes.readInt32BE(from);
      }
      case tag.smallBig:
        return this.#big(this.#uint(1));
      case tag.largeBig:
        return this.#big(this.#uint(4));
      case tag.newFloat: {
        const from = this.#take(8);
        return from === undefined ? undefined : this.#finite(this.#bytes.readDoubleBE(from));
      }
      case tag.float:
        return this.#printed(this.#slice(printedFloatBytes));
      case tag.binary:
        return this.#binary(this.#slice(this.#uint(4)));
      case tag.atomLatin1:
        return this.#atom(this.#slice(this.#uint(2)), "latin1");
      case tag.smallAtomLatin1:
        return this.#atom(this.#slice(this.#uint(1)), "latin1");
      case tag.atomUtf8:
        return this.#atom(this.#slice(this.#uint(2)), "utf8");
      case tag.smallAtomUtf8:
        return this.#atom(this.#slice(this.#uint(1)), "utf8");
      default:
        return this.#container(kind, depth);
    }
  }

  #container(kind: number, depth: number): Term | undefined {
    if (depth >= this.#depthMax) return this.#fail("too_deep");
    switch (kind) {
      case tag.nil:
        return [];
      case tag.string: {
        const bytes = this.#slice(this.#uint(2));
        return bytes === undefined ? undefined : [...bytes];
      }
      case tag.list:
        return this.#list(this.#uint(4), depth);
      case tag.smallTuple:
        return this.#tuple(this.#uint(1), depth);
      case tag.largeTuple:
        return this.#tuple(this.#uint(4), depth);
      case tag.map:
        return this.#map(this.#uint(4), depth);
      default:
        return this.#fail("unsupported");
    }
  }

  #big(count: number | undefined): number | bigint | undefined {
    const sign = count === undefined ? undefined : this.#uint(1);
    const digits = sign === undefined ? undefined : this.#slice(count);
    if (digits === undefined || sign === undefined) return undefined;
    if (sign > 1) return this.#fail("malformed");
    const magnitude = BigInt(`0x0${Buffer.from(digits).reverse().toString("hex")}`);
    const value = sign === 1 ? -magnitude : magnitude;
    const small = Number(value);
    return Number.isSafeInteger(small) ? small : value;
  }

  #finite(value: number): number | undefined {
    return Number.isFinite(value) ? value : this.#fail("malformed");
  }

  #printed(bytes: Buffer | undefined): number | undefined {
    if (bytes === undefined) return undefined;
    const text = bytes.toString("latin1");
    if (!printedFloat.test(text)) return this.#fail("malformed");
    return this.#finite(Number.parseFloat(text));
  }

  #binary(bytes: Buffer | undefined): string | Uint8Array | undefined {
    if (bytes === undefined) return undefined;
    // A copy of its own: what is kept of a token must not keep the whole token alive, nor share its memory.
    return toText(bytes) ?? Uint8Array.from(bytes);
  }

  #atom(bytes: Buffer | undefined, encoding: "latin1" | "utf8"): Atom | boolean | null | undefined {
    if (bytes === undefined) return undefined;
    const name = encoding === "latin1" ? bytes.toString("latin1") : toText(bytes);
    if (name === undefined) return this.#fail("malformed");
    if (name === "true" || name === "false") return name === "true";
    return name === "nil" ? null : new Atom(name);
  }

  /** `count` terms. Each takes a byte at least, so a false count is seen before anything is set aside for it. */
  #terms(count: number | undefined, depth: number): Term[] | undefined {
    if (count === undefined) return undefined;
    if (count > this.#bytes.length - this.#at) return this.#fail("truncated");
    const terms: Term[] = [];
    for (let index = 0; index < count; index += 1) {
      const term = this.#read(depth + 1);
      if (term === undefined) return undefined;
      terms.push(term);
    }
    return terms;
  }

  #list(count: number | undefined, depth: number): readonly Term[] | undefined {
    const terms = this.#terms(count, depth);
    const tail = terms === undefined ? undefined : this.#uint(1);
    if (tail === undefined) return undefined;
    return tail === tag.nil ? terms : this.#fail("improper_list");
  }

  #tuple(count: number | undefined, depth: number): Tuple | undefined {
    const terms = this.#terms(count, depth);
    return terms === undefined ? undefined : new Tuple(terms);
  }

  #map(count: number | undefined, depth: number): ReadonlyMap<Term, Term> | TermRecord | undefined {
    const terms = count === undefined ? undefined : this.#terms(count * 2, depth);
    if (terms === undefined) return undefined;
    const entries = terms.flatMap((term, index): [Term, Term][] =>
      // The count is even, so that a value follows every key.
      index % 2 === 0 ? [[term, terms[index + 1] as Term]] : [],
    );
    const names = entries.map(([key]) => (Atom.is(key) ? key.name : key));
    if (new Set(names).size < names.length) return this.#fail("ambiguous_key");
    if (!names.every((name) => typeof name === "string")) return new Map(entries);
    const record: Record<string, Term> = Object.create(null);
    for (const [index, [, value]] of entries.entries()) record[names[index] ?? ""] = value;
    return record;
  }
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of bytes; undefined when they are no valid UTF-8. */
function toText(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    // The decoder has no other way to say so.
    return undefined;
  }
}

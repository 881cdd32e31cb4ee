import { SimurghError } from "../../runtime/errors.js";
import { Atom, type Term, type TermLimits, Tuple } from "./term.js";
import { tag } from "./term-tags.js";

const loneSurrogate = /\p{Surrogate}/u;
const atomCharactersMax = 255;

/**
 * Writes the external term format, byte for byte as Erlang/OTP 26 and newer do; the order of a map's keys is the
 * order given. Throws a `SimurghError` for what a term cannot be, and beyond the limits.
 */
export function encodeTerm(term: Term, limits: TermLimits): Uint8Array {
  const writer = new TermWriter(limits);
  writer.write(term, 0);
  return writer.finish();
}

function refuse(why: string): never {
  throw new SimurghError("token_data_invalid", why);
}

class TermWriter {
  readonly #limits: TermLimits;
  readonly #chunks: Uint8Array[] = [Uint8Array.of(tag.version)];
  #byteCount = 1;

  constructor(limits: TermLimits) {
    this.#limits = limits;
  }

  finish(): Uint8Array {
    return Buffer.concat(this.#chunks);
  }

  #add(bytes: Uint8Array): void {
    this.#byteCount += bytes.length;
    if (this.#byteCount > this.#limits.bytesMax) refuse(`more than ${this.#limits.bytesMax} bytes`);
    this.#chunks.push(bytes);
  }

  /** A tag, then a count of `width` bytes. */
  #head(kind: number, count: number, width: 1 | 2 | 4): void {
    const head = Buffer.alloc(1 + width);
    head[0] = kind;
    head.writeUIntBE(count, 1, width);
    this.#add(head);
  }

  write(term: Term, depth: number): void {
    switch (typeof term) {
      case "number":
        return Number.isSafeInteger(term) ? this.#integer(term) : this.#float(term);
      case "bigint":
        return this.#big(term);
      case "string":
        if (loneSurrogate.test(term)) refuse("a string with a lone surrogate");
        return this.#binary(Buffer.from(term));
      case "boolean":
        return this.#atom(String(term));
      case "object":
        return this.#object(term, depth);
      default:
        return refuse(`a ${typeof term}`);
    }
  }

  #object(term: Exclude<Term, string | number | bigint | boolean>, depth: number): void {
    if (term === null) return this.#atom("nil");
    if (Atom.is(term)) return this.#atom(term.name);
    if (term instanceof Uint8Array) return this.#binary(term);
    if (depth >= this.#limits.depthMax) refuse(`nested deeper than ${this.#limits.depthMax}`);
    if (Array.isArray(term)) return this.#list(term, depth);
    if (Tuple.is(term)) return this.#tuple(term.elements, depth);
    if (term instanceof Map) return this.#map([...term], depth);
    const prototype: unknown = Object.getPrototypeOf(term);
    if (prototype !== null && prototype !== Object.prototype) refuse("an object of a class");
    return this.#map(Object.entries(term), depth);
  }

  #integer(value: number): void {
    if (value >= 0 && value <= 255) return this.#add(Uint8Array.of(tag.smallInteger, value));
    if (value !== (value | 0)) return this.#big(BigInt(value));
    const bytes = Buffer.alloc(5);
    bytes[0] = tag.integer;
    bytes.writeInt32BE(value, 1);
    return this.#add(bytes);
  }

  #big(value: bigint): void {
    if (BigInt.asIntN(32, value) === value) return this.#integer(Number(value));
    const hex = (value < 0n ? -value : value).toString(16);
    const digits = Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex").reverse();
    if (digits.length <= 255) this.#head(tag.smallBig, digits.length, 1);
    else this.#head(tag.largeBig, digits.length, 4);
    this.#add(Uint8Array.of(value < 0n ? 1 : 0));
    this.#add(digits);
  }

  #float(value: number): void {
    if (!Number.isFinite(value)) refuse(`the number ${value}`);
    const bytes = Buffer.alloc(9);
    bytes[0] = tag.newFloat;
    bytes.writeDoubleBE(value, 1);
    this.#add(bytes);
  }

  #binary(bytes: Uint8Array): void {
    this.#head(tag.binary, bytes.length, 4);
    this.#add(bytes);
  }

  #atom(name: string): void {
    if ([...name].length > atomCharactersMax) refuse(`an atom of more than ${atomCharactersMax} characters`);
    if (loneSurrogate.test(name)) refuse("an atom with a lone surrogate");
    const bytes = Buffer.from(name);
    if (bytes.length <= 255) this.#head(tag.smallAtomUtf8, bytes.length, 1);
    else this.#head(tag.atomUtf8, bytes.length, 2);
    this.#add(bytes);
  }

  #list(given: readonly Term[], depth: number): void {
    // Holes of a sparse array become undefined, and are refused as such.
    const terms = Array.from(given);
    if (terms.length === 0) return this.#add(Uint8Array.of(tag.nil));
    if (terms.length <= 0xffff && terms.every(isByte)) {
      this.#head(tag.string, terms.length, 2);
      return this.#add(Uint8Array.from(terms));
    }
    this.#head(tag.list, terms.length, 4);
    for (const term of terms) this.write(term, depth + 1);
    return this.#add(Uint8Array.of(tag.nil));
  }

  #tuple(terms: readonly Term[], depth: number): void {
    if (terms.length <= 255) this.#head(tag.smallTuple, terms.length, 1);
    else this.#head(tag.largeTuple, terms.length, 4);
    for (const term of terms) this.write(term, depth + 1);
  }

  #map(entries: readonly (readonly [Term, Term])[], depth: number): void {
    this.#head(tag.map, entries.length, 4);
    for (const [key, value] of entries) {
      this.write(key, depth + 1);
      this.write(value, depth + 1);
    }
  }
}

function isByte(term: Term): term is number {
  return typeof term === "number" && Number.isInteger(term) && term >= 0 && term <= 255;
}

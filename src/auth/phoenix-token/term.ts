/** An Erlang atom other than `true`, `false` and `nil`, which are `true`, `false` and `null` here. */
export class Atom {
  readonly name: string;
  readonly #isAtom = true;

  constructor(name: string) {
    this.name = name;
  }

  /** Whether a value is an atom. */
  static is(value: unknown): value is Atom {
    return typeof value === "object" && value !== null && #isAtom in value && value.#isAtom;
  }
}

/** An Erlang tuple; a list is an array. */
export class Tuple {
  readonly elements: readonly Term[];
  readonly #isTuple = true;

  constructor(elements: readonly Term[]) {
    this.elements = elements;
  }

  /** Whether a value is a tuple. */
  static is(value: unknown): value is Tuple {
    return typeof value === "object" && value !== null && #isTuple in value && value.#isTuple;
  }
}

/** A map whose keys are names. Read from a token it has no prototype, so that no key means anything special. */
export type TermRecord = { readonly [key: string]: Term };

/**
 * A value that a token can carry.
 *
 * Read: an Erlang binary is a string where it is valid UTF-8 and bytes otherwise; an integer is a number where that is
 * exact and a bigint otherwise; a map is a record when all its keys are binaries or atoms, whose names become the
 * keys, and a `Map` otherwise.
 *
 * Written: strings and bytes are binaries, and so are the keys of records. For atom keys write a `Map`.
 */
export type Term =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Atom
  | Tuple
  | readonly Term[]
  | ReadonlyMap<Term, Term>
  | TermRecord;

/** Limits on terms, both ways. */
export interface TermLimits {
  /** Containers within containers. */
  readonly depthMax: number;
  /** Bytes of the encoded term, inflated if it was compressed. */
  readonly bytesMax: number;
}

import { SecondBuckets } from "./second-buckets.js";
import { textHash } from "./text-hash.js";

/** What a revocation names. */
export type RevocationKind = "user" | "socket" | "token";

/** Revokes what `key` names, as far as it was issued before that second. */
export interface RevocationEntry {
  readonly key: string;
  readonly issuedBeforeS: number;
}

/** What of a token, and of the socket that shows it, can be revoked. */
export interface Revocable {
  readonly subject: string | undefined;
  readonly tokenId: string | undefined;
  /** Undefined counts as issued at the beginning of time. */
  readonly issuedAtS: number | undefined;
  readonly socketId: string | undefined;
}

/** Bounds on a table of revocations. */
export interface RevocationLimits {
  /** Entries; beyond, the oldest become one that revokes everything issued before them. */
  readonly entriesMax: number;
  /** Seconds that the longest lived token lives. */
  readonly lifetimeMaxS: number;
}

/** A summary of a table, to find out where two differ. */
export interface RevocationDigest {
  readonly everyoneBeforeS: number;
  /** One number for each part of the keys. */
  readonly parts: readonly number[];
}

/** Parts that a digest tells apart. */
export const DIGEST_PARTS = 64;

/** The kinds of revocations. */
export const revocationKinds = ["user", "socket", "token"] as const satisfies readonly RevocationKind[];

/** The key of an entry. */
export function revocationKey(kind: RevocationKind, name: string): string {
  return `${kind}:${name}`;
}

/** Takes a key apart; undefined when it is none. */
export function parseRevocationKey(
  key: string,
): { readonly kind: RevocationKind; readonly name: string } | undefined {
  const kind = revocationKinds.find((one) => key.startsWith(`${one}:`));
  return kind === undefined ? undefined : { kind, name: key.slice(kind.length + 1) };
}

/**
 * Who is not to be let in any more. Every node has one, and what they tell each other merges: in any order, as often
 * as you like, they come to the same. (Of one key the latest time counts; and the entries that are kept, at the
 * limit, are the latest of all, whichever way they came.) Each is remembered until every token that it revokes has
 * expired by itself.
 */
export class RevocationTable {
  readonly #limits: RevocationLimits;
  /** Times by name: looking a socket up makes no text. */
  readonly #entries: Readonly<Record<RevocationKind, Map<string, number>>> = {
    user: new Map(),
    socket: new Map(),
    token: new Map(),
  };
  /** Keys by their time, for the oldest go first. */
  readonly #byTime = new SecondBuckets<string>();
  readonly #parts = new Array<number>(DIGEST_PARTS).fill(0);
  #everyoneBeforeS = 0;
  #folded = 0;

  constructor(limits: RevocationLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#byTime.size;
  }

  /** Every token issued before this second is revoked. */
  get everyoneBeforeS(): number {
    return this.#everyoneBeforeS;
  }

  /** Entries that had to become part of the one for everyone, to make room. */
  get folded(): number {
    return this.#folded;
  }

  /** Adds an entry. False: it says nothing new, or its key is none. */
  add({ key, issuedBeforeS }: RevocationEntry, nowS: number): boolean {
    if (issuedBeforeS <= this.#everyoneBeforeS || this.#isOver(issuedBeforeS, nowS)) return false;
    const parsed = parseRevocationKey(key);
    if (parsed === undefined) return false;
    const times = this.#entries[parsed.kind];
    const known = times.get(parsed.name);
    if (known !== undefined && known >= issuedBeforeS) return false;
    if (known !== undefined) {
      this.#byTime.delete(known, key);
      this.#toggle(key, known);
    }
    times.set(parsed.name, issuedBeforeS);
    this.#byTime.add(issuedBeforeS, key);
    this.#toggle(key, issuedBeforeS);
    this.#makeRoom();
    return true;
  }

  /** Revokes everything issued before that second. False: it was already. */
  addEveryone(issuedBeforeS: number): boolean {
    if (issuedBeforeS <= this.#everyoneBeforeS) return false;
    this.#everyoneBeforeS = issuedBeforeS;
    this.#dropUntil(issuedBeforeS);
    return true;
  }

  /** Forgets what has no token left that it could revoke. */
  prune(nowS: number): void {
    this.#dropUntil(Math.ceil(nowS - this.#limits.lifetimeMaxS));
  }

  /** Whether such a token is not to be let in any more. */
  revokes({ subject, tokenId, issuedAtS, socketId }: Revocable): boolean {
    // Who gives no time, or none that makes sense, is the oldest of all.
    const issuedS = issuedAtS !== undefined && issuedAtS > 0 ? issuedAtS : 0;
    if (issuedS < this.#everyoneBeforeS) return true;
    if (this.size === 0) return false;
    const { user, socket, token } = this.#entries;
    // A token is named by itself: it has been issued before, whatever its issuer's clock said.
    if (tokenId !== undefined && token.has(tokenId)) return true;
    if (subject !== undefined && issuedS < (user.get(subject) ?? 0)) return true;
    return socketId !== undefined && issuedS < (socket.get(socketId) ?? 0);
  }

  digest(): RevocationDigest {
    return { everyoneBeforeS: this.#everyoneBeforeS, parts: [...this.#parts] };
  }

  /** The parts in which another table differs from this one. */
  differences(other: RevocationDigest): number[] {
    return this.#parts.flatMap((own, part) => (own === other.parts[part] ? [] : [part]));
  }

  /** All entries of some parts. */
  entriesOf(parts: readonly number[]): RevocationEntry[] {
    const wanted = new Set(parts);
    const found: RevocationEntry[] = [];
    for (const kind of revocationKinds) {
      for (const [name, issuedBeforeS] of this.#entries[kind]) {
        const key = revocationKey(kind, name);
        if (wanted.has(partOf(key))) found.push({ key, issuedBeforeS });
      }
    }
    return found;
  }

  #isOver(issuedBeforeS: number, nowS: number): boolean {
    return issuedBeforeS + this.#limits.lifetimeMaxS <= nowS;
  }

  /** Whole seconds go at once, so that it does not matter in which order their entries came. */
  #makeRoom(): void {
    while (this.size > this.#limits.entriesMax) {
      const oldestS = this.#byTime.first;
      if (oldestS === undefined) return;
      const before = this.size;
      this.addEveryone(oldestS);
      this.#folded += before - this.size;
    }
  }

  #dropUntil(second: number): void {
    for (;;) {
      const dropped = this.#byTime.takeFirst(second);
      if (dropped === undefined) return;
      for (const key of dropped.things) this.#drop(key, dropped.second);
    }
  }

  #drop(key: string, issuedBeforeS: number): void {
    const parsed = parseRevocationKey(key);
    if (parsed !== undefined) this.#entries[parsed.kind].delete(parsed.name);
    this.#toggle(key, issuedBeforeS);
  }

  /** Puts an entry into its part's summary, or takes it out. */
  #toggle(key: string, issuedBeforeS: number): void {
    const part = partOf(key);
    this.#parts[part] = ((this.#parts[part] ?? 0) ^ textHash(`${issuedBeforeS} ${key}`)) >>> 0;
  }
}

function partOf(key: string): number {
  return textHash(key) % DIGEST_PARTS;
}

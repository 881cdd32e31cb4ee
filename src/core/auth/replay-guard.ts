/** How clients that keep showing a dead token are slowed down. */
export interface ReplayLimits {
  /** Refusals of one token that are answered at once. */
  readonly freeRefusals: number;
  /** Milliseconds that the first refusal after these takes; each further one takes twice as long. */
  readonly delayMs: number;
  /** Milliseconds that no refusal takes more than. */
  readonly delayMaxMs: number;
  /** Milliseconds without a refusal after which a token is forgotten. */
  readonly forgetMs: number;
  /** Tokens that are remembered; beyond, the one that was refused least recently is forgotten. */
  readonly tokensMax: number;
}

/** Limits where nothing else is said. */
export const replayDefaults: ReplayLimits = {
  freeRefusals: 2,
  delayMs: 500,
  delayMaxMs: 8_000,
  forgetMs: 600_000,
  tokensMax: 10_000,
};

/** What to do with one more refusal. */
export interface ReplayVerdict {
  /** Refusals of this token by now, this one included. */
  readonly refusals: number;
  /** Milliseconds to wait with the answer. */
  readonly delayMs: number;
  /** Whether the client should know better by now. */
  readonly replayed: boolean;
  /** Whether to tell the operator: of the refusals of one replayed token the first, the second, the fourth and so on. */
  readonly isNoteworthy: boolean;
}

interface Seen {
  refusals: number;
  lastMs: number;
}

/**
 * Counts the refusals of tokens that are expired or revoked. A token that is good is never looked up here, so that
 * nobody is slowed down for another's. Tokens are known by their hash: two with the same one share their count.
 */
export class ReplayGuard {
  readonly #limits: ReplayLimits;
  /** The least recently refused first. */
  readonly #seen = new Map<number, Seen>();

  constructor(limits: ReplayLimits) {
    this.#limits = limits;
  }

  /** Tokens that are remembered. */
  get size(): number {
    return this.#seen.size;
  }

  /** Notes a refusal of the token with this hash. */
  refused(hash: number, nowMs: number): ReplayVerdict {
    const { freeRefusals, delayMs, delayMaxMs, forgetMs } = this.#limits;
    const known = this.#seen.get(hash);
    const refusals = known === undefined || nowMs - known.lastMs > forgetMs ? 1 : known.refusals + 1;
    this.#seen.delete(hash);
    this.#seen.set(hash, { refusals, lastMs: nowMs });
    this.#makeRoom();
    const over = refusals - freeRefusals;
    if (over <= 0) return { refusals, delayMs: 0, replayed: false, isNoteworthy: false };
    // The exponent is bounded: Infinity times nothing would be no number.
    const heldMs = Math.min(delayMaxMs, delayMs * 2 ** Math.min(over - 1, 50));
    return { refusals, delayMs: heldMs, replayed: true, isNoteworthy: Number.isInteger(Math.log2(over)) };
  }

  #makeRoom(): void {
    if (this.#seen.size <= this.#limits.tokensMax) return;
    const [oldest] = this.#seen.keys();
    if (oldest !== undefined) this.#seen.delete(oldest);
  }
}

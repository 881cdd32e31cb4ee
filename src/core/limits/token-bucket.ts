/** How much may pass: so much a second on the long run, so much at once. */
export interface Rate {
  /** Tokens that come back in a second. `Infinity`: no bound. */
  readonly perS: number;
  /** Tokens of a full bucket. */
  readonly burst: number;
}

/**
 * A bucket of tokens, full at first. Whoever finds one token in it may take as many as he needs, and owes the rest:
 * so that what is larger than the whole bucket can pass, too, and is paid off before anything else passes.
 *
 * All that it keeps is the moment at which it will be full again, as one number per connection is what thousands of
 * connections can afford.
 */
export class TokenBucket {
  readonly #rate: Rate;
  #fullAtMs = Number.NEGATIVE_INFINITY;

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /** Takes `tokens` and answers 0; or takes none, and answers the milliseconds until one will be there. */
  take(tokens: number, nowMs: number): number {
    const waitMs = this.waitMs(nowMs);
    if (waitMs > 0) return waitMs;
    // Of a bucket without bound nothing is ever missing: Infinity in the divisor.
    this.#fullAtMs = Math.max(this.#fullAtMs, nowMs) + (tokens * 1_000) / this.#rate.perS;
    return 0;
  }

  /** Milliseconds until one token is there. */
  waitMs(nowMs: number): number {
    const { perS, burst } = this.#rate;
    const leftMs = this.#fullAtMs - nowMs;
    if (leftMs <= 0 || perS === Number.POSITIVE_INFINITY) return 0;
    const short = (leftMs * perS) / 1_000 + 1 - burst;
    // A thousandth of a token is the noise of the arithmetic: who waits as long as he is told must not wait again.
    return short > 0.001 ? Math.ceil((short * 1_000) / perS) : 0;
  }
}

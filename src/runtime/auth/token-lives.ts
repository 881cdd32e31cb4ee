import type { Cancel, Clock } from "../../contracts/clock.js";
import { SecondBuckets } from "../../core/auth/second-buckets.js";

/** Something that is to be called at a time. */
export interface Mortal {
  /** The second in which it waits; undefined: it does not. Only {@link TokenLives} changes it. */
  dueS: number | undefined;
  /** Its time has come. MUST NOT throw. */
  due(): void;
}

/** Milliseconds between two looks at the clock: how late a call may be, and the second that it is rounded up to. */
const SWEEP_MS = 1_000;

/** Stands for the second of those whose time has come. */
const LATE = -1;

/** Calls in one turn of the event loop. */
const CALLS_PER_TURN = 1_000;

/**
 * Calls each of very many when its time by the wall clock has come: one timer for all. A wall clock that jumps ahead
 * makes them due, one that jumps back keeps them waiting.
 */
export class TokenLives {
  readonly #clock: Clock;
  readonly #waiting = new SecondBuckets<Mortal>();
  /** Their time has come, their turn has not. */
  #late: Mortal[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Sweeps until the returned function is called. */
  start(): Cancel {
    return this.#clock.every(SWEEP_MS, () => this.#sweep());
  }

  /** Calls it at that second, not before. Whatever it waited for, it waits for that no longer. */
  set(mortal: Mortal, dueS: number): void {
    this.remove(mortal);
    mortal.dueS = dueS;
    this.#waiting.add(dueS, mortal);
  }

  /** Does not call it any more. */
  remove(mortal: Mortal): void {
    if (mortal.dueS === undefined) return;
    if (mortal.dueS !== LATE) this.#waiting.delete(mortal.dueS, mortal);
    mortal.dueS = undefined;
  }

  #sweep(): void {
    const idle = this.#late.length === 0;
    const nowS = Math.floor(this.#clock.now() / 1_000);
    for (;;) {
      const next = this.#waiting.takeFirst(nowS);
      if (next === undefined) break;
      for (const mortal of next.things) {
        mortal.dueS = LATE;
        this.#late.push(mortal);
      }
    }
    if (idle) this.#call(0);
  }

  #call(from: number): void {
    const to = from + CALLS_PER_TURN;
    for (const mortal of this.#late.slice(from, to)) {
      // Removed, or set anew, while it waited for its turn.
      if (mortal.dueS !== LATE) continue;
      mortal.dueS = undefined;
      mortal.due();
    }
    if (to < this.#late.length) setImmediate(() => this.#call(to));
    else this.#late = [];
  }
}

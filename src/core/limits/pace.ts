/** What one turn of the event loop showed. */
export interface TurnMeasure {
  /** How long the turn took, with all that the node did in it. */
  readonly turnMs: number;
  /** How long the handshakes let in together took of it; undefined where they were not measured by themselves. */
  readonly handshakesMs: number | undefined;
  /** How many those were. */
  readonly handshakes: number;
  /** Handshakes that were decided at once. They show nothing of what others wait for. */
  readonly atOnce: number;
  /** Handshakes that were decided in this turn after some wait, … */
  readonly completed: number;
  /** … and how long they had been under way, together. */
  readonly latencyMs: number;
  /** How late the event loop comes to what is due, on the average. */
  readonly lagMs: number;
  /** Whether others wait. */
  readonly crowded: boolean;
}

/** What an unmeasured handshake is taken to cost. */
const FIRST_COST_MS = 0.5;
/** Handshakes may take this much of a turn, whatever else happens. */
const SLICE_MS = 10;
/** Or as much, by this share, as the rest of the turn took, so that they get on in a busy node, too. */
const SHARE = 0.5;
/** Weight of a new measurement against those before. */
const NEWS = 0.2;
/** Handshakes under way at the least, and at the beginning: so few that they hardly hinder each other. */
const WINDOW_MIN = 16;
const WINDOW_START = 16;
/** Handshakes are taken to hinder each other when they take so many times as long as they do alone, and … */
const SLOWER_TIMES = 2;
/** … so much longer at least. */
const SLOWER_MS = 10;
/** … beside the event loop's own delay, which each meets when it asks and when it is answered. */
const LAGS = 2;
/** What is left of the window then. */
const SHRINK = 0.9;
/** By how much each handshake fades the memory of the fastest, for what was fast once may never be again. */
const FADE = 1.00005;

/**
 * How many handshakes a node can serve, by what those before have shown. Two bounds:
 *
 * - `perTurn`: as many as fit into a slice of one turn of the event loop, by the measured cost of one. Between two
 *   slices everything else has its turn, so that newcomers do not hold up those who are in.
 * - `window`: as many under way as their `connect` takes without getting slower. It grows while the handshakes take no
 *   longer than a few do, and shrinks when they do: then what they wait for is exhausted, and more would only wait there.
 */
export class Pace {
  readonly #windowMax: number;
  #window: number;
  #costMs = FIRST_COST_MS;
  #otherMs = 0;
  #latencyMs: number | undefined = undefined;
  #fastestMs = Number.POSITIVE_INFINITY;
  /** Doubles the window at first; from the first sign of crowding on it grows by one at a time. */
  #probing = true;

  constructor(windowMax: number) {
    this.#windowMax = windowMax;
    this.#window = Math.min(WINDOW_START, windowMax);
  }

  /** Handshakes that may be under way. */
  get window(): number {
    return Math.floor(this.#window);
  }

  /** Handshakes that may begin in one turn. */
  get perTurn(): number {
    const sliceMs = Math.max(SLICE_MS, SHARE * this.#otherMs);
    return Math.max(1, Math.floor(sliceMs / Math.max(this.#costMs, 0.001)));
  }

  /** Takes note of a turn. */
  note(turn: TurnMeasure): void {
    if (turn.handshakesMs !== undefined && turn.handshakes > 0) {
      this.#costMs += NEWS * (turn.handshakesMs / turn.handshakes - this.#costMs);
      this.#otherMs += NEWS * (Math.max(0, turn.turnMs - turn.handshakesMs) - this.#otherMs);
    }
    const { completed, atOnce, crowded } = turn;
    if (completed > 0 && this.#isSlower(turn)) {
      this.#probing = false;
      // Once for as many as are under way, however many turns these take to complete.
      const shrunk = this.#window * SHRINK ** Math.min(1, completed / this.#window);
      this.#window = Math.max(Math.min(WINDOW_MIN, this.#windowMax), shrunk);
    } else if (crowded) {
      const all = completed + atOnce;
      const more = this.#probing ? all : all / this.#window;
      this.#window = Math.min(this.#windowMax, this.#window + more);
    }
  }

  /** Whether handshakes take longer than they need. Averages are compared, as a single fast one shows little. */
  #isSlower({ latencyMs, completed, lagMs }: TurnMeasure): boolean {
    const each = latencyMs / completed;
    const before = this.#latencyMs;
    const average = before === undefined ? each : before + NEWS * (each - before);
    this.#latencyMs = average;
    this.#fastestMs = Math.min(this.#fastestMs * FADE ** completed, average);
    const usualMs = Math.max(SLOWER_TIMES * this.#fastestMs, this.#fastestMs + SLOWER_MS);
    return average > usualMs + LAGS * lagMs;
  }
}

import type { Clock } from "../../contracts/clock.js";
import type { LogFields, Logger } from "../../contracts/logger.js";
import type { Counters } from "../counters.js";

/** One limit is logged once in this time: whoever can exceed it a million times must not fill the log, too. */
const REPEAT_MS = 10_000;

/** Counters, one of which every limit has. */
export type LimitCounter = Exclude<keyof Counters, "snapshot">;

interface Told {
  readonly atMs: number;
  /** The counter's value then. */
  readonly count: number;
}

/** Counts what went beyond a limit, and tells the operator of it: the first time at once, then in sums. */
export class LimitReports {
  readonly #counters: Counters;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #told = new Map<LimitCounter, Told>();

  constructor(counters: Counters, clock: Clock, logger: Logger) {
    this.#counters = counters;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Counts one case; `fields` describe the case at hand. They MUST NOT hold what is secret. */
  exceeded(counter: LimitCounter, limit: string, fields: LogFields = {}): void {
    const count = ++this.#counters[counter];
    const nowMs = this.#clock.monotonic();
    const told = this.#told.get(counter);
    if (told !== undefined && nowMs - told.atMs < REPEAT_MS) return;
    this.#told.set(counter, { atMs: nowMs, count });
    this.#logger.warn("limit exceeded", { limit, times: count - (told?.count ?? 0), ...fields });
  }
}

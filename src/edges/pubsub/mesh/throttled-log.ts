import type { Clock } from "../../../contracts/clock.js";
import type { LogFields, Logger } from "../../../contracts/logger.js";
import type { Counters } from "./counters.js";

/** Keys remembered; beyond, the oldest is forgotten and may be logged again. */
const keysMax = 1_024;

/** Writes a line once per key and period: a peer that tries a thousand times is one line, and a count. */
export class ThrottledLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #repeatMs: number;
  readonly #counters: Counters;
  readonly #loggedAtMs = new Map<string, number>();

  constructor(clock: Clock, logger: Logger, repeatMs: number, counters: Counters) {
    this.#clock = clock;
    this.#logger = logger;
    this.#repeatMs = repeatMs;
    this.#counters = counters;
  }

  info(key: string, message: string, fields: LogFields): void {
    if (this.#isDue(key)) this.#logger.info(message, fields);
  }

  warn(key: string, message: string, fields: LogFields): void {
    if (this.#isDue(key)) this.#logger.warn(message, fields);
  }

  #isDue(key: string): boolean {
    const nowMs = this.#clock.monotonic();
    const last = this.#loggedAtMs.get(key);
    if (last !== undefined && nowMs - last < this.#repeatMs) {
      this.#counters.logs_suppressed += 1;
      return false;
    }
    this.#loggedAtMs.delete(key);
    this.#loggedAtMs.set(key, nowMs);
    if (this.#loggedAtMs.size > keysMax) {
      for (const oldest of this.#loggedAtMs.keys()) {
        this.#loggedAtMs.delete(oldest);
        break;
      }
    }
    return true;
  }

  /** The trouble behind `key` is over; if it returns it is news. */
  forget(key: string): void {
    this.#loggedAtMs.delete(key);
  }
}

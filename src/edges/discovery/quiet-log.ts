import type { Clock } from "../../contracts/clock.js";
import type { LogFields, Logger } from "../../contracts/logger.js";

/** Keys remembered; when there are more, all further faults of the period share one line. */
const keysMax = 256;

/** Writes a line once per key and period: who sends a thousand bad packets is one line, and a count elsewhere. */
export class QuietLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #repeatMs: number;
  readonly #loggedAtMs = new Map<string, number>();

  constructor(clock: Clock, logger: Logger, repeatMs: number) {
    this.#clock = clock;
    this.#logger = logger;
    this.#repeatMs = repeatMs;
  }

  warn(key: string, message: string, fields: LogFields): void {
    const nowMs = this.#clock.monotonic();
    const isOld = (atMs: number | undefined) => atMs === undefined || nowMs - atMs >= this.#repeatMs;
    if (!isOld(this.#loggedAtMs.get(key))) return;
    if (this.#loggedAtMs.size >= keysMax) {
      for (const [other, atMs] of this.#loggedAtMs) if (isOld(atMs)) this.#loggedAtMs.delete(other);
    }
    if (this.#loggedAtMs.size < keysMax || this.#loggedAtMs.has(key)) {
      this.#loggedAtMs.set(key, nowMs);
      this.#logger.warn(message, fields);
    } else if (isOld(this.#loggedAtMs.get(""))) {
      this.#loggedAtMs.set("", nowMs);
      this.#logger.warn("further faults are counted, not logged", {});
    }
  }
}

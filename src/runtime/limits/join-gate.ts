import type { Cancel, Clock } from "../../contracts/clock.js";
import { TokenBucket } from "../../core/limits/token-bucket.js";
import { Fifo } from "../../core/shared/fifo.js";
import type { LimitReports } from "./limit-reports.js";
import type { NodeLimits } from "./node-limits.js";

/** Seconds of joins that may begin at once when few came before. */
const BURST_S = 1;

interface Waiter {
  readonly sinceMs: number;
  readonly settle: (admitted: boolean) => void;
}

/**
 * Lets the joins of a node begin, as many at a time and a second as it may have; the others wait, the oldest first.
 * A client has one join under way at most, so that no more can wait than there are connections.
 */
export class JoinGate {
  readonly #limits: NodeLimits;
  readonly #clock: Clock;
  readonly #reports: LimitReports;
  readonly #rate: TokenBucket;
  readonly #waiting = new Fifo<Waiter>();
  #underWay = 0;
  #cancel: Cancel | undefined = undefined;

  constructor(limits: NodeLimits, clock: Clock, reports: LimitReports) {
    this.#limits = limits;
    this.#clock = clock;
    this.#reports = reports;
    const perS = limits.joinsPerS;
    this.#rate = new TokenBucket({ perS, burst: Math.max(1, perS * BURST_S) });
  }

  /** Undefined: the join may begin; `leave` is owed. Else whether it may, when that is known; if so, `leave` is owed. */
  enter(): Promise<boolean> | undefined {
    if (this.#waiting.length === 0 && this.#begin() === 0) return undefined;
    const limit = this.#underWay >= this.#limits.joinsMax ? "joinsMax" : "joinsPerS";
    this.#reports.exceeded("queued_joins_total", limit);
    return new Promise((settle) => {
      this.#waiting.push({ sinceMs: this.#clock.monotonic(), settle });
      this.#arm();
    });
  }

  /** A join is answered. */
  leave(): void {
    this.#underWay--;
    if (this.#waiting.length > 0) this.#serve();
  }

  /** Takes a place: 0, or the milliseconds until it is worth trying again. */
  #begin(): number {
    if (this.#underWay >= this.#limits.joinsMax) return this.#limits.joinWaitMs;
    const waitMs = this.#rate.take(1, this.#clock.monotonic());
    if (waitMs === 0) this.#underWay++;
    return waitMs;
  }

  #serve(): void {
    const nowMs = this.#clock.monotonic();
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      const late = nowMs - next.sinceMs >= this.#limits.joinWaitMs;
      if (!late && this.#begin() > 0) break;
      this.#waiting.shift();
      if (late) this.#reports.exceeded("expired_joins_total", "joinWaitMs");
      next.settle(!late);
    }
    this.#arm();
  }

  /** Sees to it that somebody looks again when the oldest is late, or the next one may begin. */
  #arm(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const oldest = this.#waiting.peek();
    if (oldest === undefined) return;
    const leftMs = oldest.sinceMs + this.#limits.joinWaitMs - this.#clock.monotonic();
    const rateMs =
      this.#underWay < this.#limits.joinsMax ? this.#rate.waitMs(this.#clock.monotonic()) : leftMs;
    this.#cancel = this.#clock.after(Math.max(1, Math.min(leftMs, rateMs)), () => this.#serve());
  }
}

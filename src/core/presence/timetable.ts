import type { TrackerOptions } from "./options.js";

/** What is due at one moment. */
export interface Due {
  readonly flush: boolean;
  readonly heartbeat: boolean;
  readonly repair: boolean;
  readonly detect: boolean;
  /** How much longer than a tick nothing ran here: the process was frozen or badly late. */
  readonly pausedMs: number;
}

type Times = Pick<
  TrackerOptions,
  "broadcastPeriodMs" | "maxSilentPeriods" | "clockSamplePeriods" | "flushMs" | "repairMs"
>;

/**
 * Ticks after a change that tell the clock, so that whoever missed the delta hears of it soon. Two, because the
 * first may follow the delta at once and be lost with it.
 */
const confirmTicks = 2;

/** When a tracker does what. */
export class Timetable {
  readonly #times: Times;
  #nextTickAt: number | undefined;
  #flushAt: number | undefined;
  #repairAt: number | undefined;
  /** Starts full, so that the first tick speaks. */
  #silentTicks: number;
  #sampledTicks = 0;
  /** Ticks that speak although nothing changes any more. */
  #confirmations = 0;

  constructor(times: Times) {
    this.#times = times;
    this.#silentTicks = times.maxSilentPeriods;
  }

  get running(): boolean {
    return this.#nextTickAt !== undefined;
  }

  get nextDueAt(): number | undefined {
    if (this.#nextTickAt === undefined) return undefined;
    return Math.min(
      this.#nextTickAt,
      this.#flushAt ?? Number.POSITIVE_INFINITY,
      this.#repairAt ?? Number.POSITIVE_INFINITY,
    );
  }

  start(now: number, jitter: number): void {
    this.#nextTickAt = now + Math.floor(jitter * 0.25 * this.#times.broadcastPeriodMs);
  }

  stop(): void {
    this.#nextTickAt = undefined;
    this.#flushAt = undefined;
    this.#repairAt = undefined;
  }

  /** There are local changes to send. */
  flushSoon(now: number): void {
    this.#flushAt ??= now + this.#times.flushMs;
    this.#confirmations = confirmTicks;
  }

  /** Something is missing that may still be on its way. */
  repairSoon(now: number): void {
    this.#repairAt ??= now + this.#times.repairMs;
  }

  /** Takes what is due and sets the times after it. */
  due(now: number): Due {
    const tick = this.#nextTickAt !== undefined && now >= this.#nextTickAt;
    const pausedMs = tick ? this.#pauseBefore(now) : 0;
    const flush = this.#flushAt !== undefined && (tick || now >= this.#flushAt);
    let repair = this.#repairAt !== undefined && now >= this.#repairAt;
    let heartbeat = false;
    if (tick) {
      this.#nextTickAt = now + this.#times.broadcastPeriodMs;
      heartbeat = this.#countSilence();
      repair = this.#countSample() || repair;
    }
    if (flush) this.#flushAt = undefined;
    if (repair) this.#repairAt = undefined;
    return { flush, heartbeat, repair, detect: tick, pausedMs };
  }

  #pauseBefore(now: number): number {
    const late = now - (this.#nextTickAt ?? now);
    return late > this.#times.broadcastPeriodMs ? late : 0;
  }

  #countSilence(): boolean {
    const speaks = this.#confirmations > 0 || this.#silentTicks >= this.#times.maxSilentPeriods;
    this.#silentTicks = speaks ? 0 : this.#silentTicks + 1;
    if (this.#confirmations > 0) this.#confirmations -= 1;
    return speaks;
  }

  #countSample(): boolean {
    this.#sampledTicks = (this.#sampledTicks + 1) % this.#times.clockSamplePeriods;
    return this.#sampledTicks === 0;
  }
}

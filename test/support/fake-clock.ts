import type { Cancel, Clock } from "../../src/contracts/clock.js";

interface Timer {
  dueMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** A clock that a test drives. Timers run in the order of their due time, those of one moment as they were set. */
export class FakeClock implements Clock {
  #nowMs = 1_000_000;
  #orders = 0;
  readonly #timers = new Set<Timer>();

  now(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  /** Timers that are set. */
  get pending(): number {
    return this.#timers.size;
  }

  after(delayMs: number, callback: () => void): Cancel {
    const timer = this.#set(delayMs, () => {
      this.#timers.delete(timer);
      callback();
    });
    return () => void this.#timers.delete(timer);
  }

  every(periodMs: number, callback: () => void): Cancel {
    const timer = this.#set(periodMs, () => {
      timer.dueMs += periodMs;
      callback();
    });
    return () => void this.#timers.delete(timer);
  }

  /** Moves time on, running what becomes due. `settle` lets other work finish after each timer. */
  async advance(byMs: number, settle: () => Promise<void> = async () => {}): Promise<void> {
    const untilMs = this.#nowMs + byMs;
    for (;;) {
      const next = [...this.#timers].sort((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0];
      if (next === undefined || next.dueMs > untilMs) break;
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.run();
      await settle();
    }
    this.#nowMs = untilMs;
    await settle();
  }

  /** The process stands still: time goes on, and what became due meanwhile runs late, all at once. */
  skip(byMs: number): void {
    const from = this.#nowMs;
    this.#nowMs += byMs;
    for (const timer of this.#timers)
      if (timer.dueMs < this.#nowMs) timer.dueMs = Math.max(from, this.#nowMs);
  }

  #set(delayMs: number, run: () => void): Timer {
    this.#orders += 1;
    const timer = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#orders, run };
    this.#timers.add(timer);
    return timer;
  }
}

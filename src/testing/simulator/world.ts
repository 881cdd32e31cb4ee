import type { Cancel } from "../../contracts/clock.js";
import { EventQueue } from "./event-queue.js";
import type { TraceField } from "./trace.js";
import { Trace } from "./trace.js";

/** Links of a chain of promises that are followed before the next thing happens. */
const microtasksPerStep = 12;

/** Virtual time, and everything that happens in it, one thing after the other. */
export class World {
  readonly #queue = new EventQueue();
  readonly #trace: Trace;
  readonly #steps: (() => void)[] = [];
  #nowUs = 0;
  #step = 0;
  #violation: string | undefined;

  constructor(print?: (line: string) => void) {
    this.#trace = new Trace(print);
  }

  /** Microseconds since the beginning. */
  get nowUs(): number {
    return this.#nowUs;
  }

  /** Things that happened so far. */
  get step(): number {
    return this.#step;
  }

  /** The first promise that was broken. */
  get violation(): string | undefined {
    return this.#violation;
  }

  get hash(): string {
    return this.#trace.hash;
  }

  note(what: string, ...fields: readonly TraceField[]): void {
    this.#trace.note(this.#nowUs, what, ...fields);
  }

  /** A promise is broken: the run ends here. */
  fail(violation: string): void {
    if (this.#violation !== undefined) return;
    this.#violation = violation;
    this.note("VIOLATION", violation);
  }

  at(atUs: number, run: () => void): Cancel {
    const happening = this.#queue.push(Math.max(this.#nowUs, Math.round(atUs)), run);
    return () => {
      happening.run = undefined;
    };
  }

  after(delayUs: number, run: () => void): Cancel {
    return this.at(this.#nowUs + delayUs, run);
  }

  /** Calls `check` after every step. */
  everyStep(check: () => void): void {
    this.#steps.push(check);
  }

  /** Lets everything happen until a moment, or until `done`, or until a promise is broken. */
  async runUntil(untilUs: number, done: () => boolean = () => false): Promise<void> {
    while (this.#violation === undefined && !done()) {
      const next = this.#queue.peek();
      if (next === undefined || next.atUs > untilUs) {
        this.#nowUs = untilUs;
        return;
      }
      this.#queue.pop();
      this.#nowUs = next.atUs;
      this.#step += 1;
      this.#run(next.run);
      // Promises go on by themselves; each chain gets its turns before anything else happens.
      for (let i = 0; i < microtasksPerStep; i++) await undefined;
      for (const check of this.#steps) check();
    }
  }

  #run(run: (() => void) | undefined): void {
    try {
      run?.();
    } catch (cause) {
      this.fail(`threw: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`);
    }
  }
}

import { Fifo } from "../../core/shared/fifo.js";
import { isPromise, type MaybePromise } from "../result.js";

/** Prepares something, perhaps for a while, and gives what is to be done when its turn has come. */
export type Job = () => MaybePromise<() => void>;

interface Slot {
  release: (() => void) | undefined;
}

/** Jobs in one turn of the event loop. */
const JOBS_PER_TURN = 1_000;

/**
 * Runs jobs so that they prepare at the same time and take effect strictly in order. Both parts may be code of the
 * application: they may add jobs, and a throw costs that job alone.
 */
export class Releases {
  readonly #failed: (cause: unknown) => void;
  readonly #jobs = new Fifo<Job>();
  readonly #slots = new Fifo<Slot>();
  #head: Slot | undefined = undefined;
  #running = false;

  constructor(failed: (cause: unknown) => void) {
    this.#failed = failed;
  }

  /** Jobs that have not taken effect. */
  get length(): number {
    return this.#jobs.length + this.#slots.length + (this.#head === undefined ? 0 : 1);
  }

  add(job: Job): void {
    this.#jobs.push(job);
  }

  /** Prepares what was added, and releases what can be. */
  run(): void {
    if (this.#running) return;
    this.#running = true;
    for (let ran = 0; ran < JOBS_PER_TURN; ran++) {
      if (this.#releaseNext()) continue;
      const job = this.#jobs.shift();
      if (job === undefined) {
        this.#running = false;
        return;
      }
      this.#prepare(job);
    }
    // A callback that causes the next one for ever does not stop the rest of the node.
    setImmediate(() => {
      this.#running = false;
      this.run();
    });
  }

  #releaseNext(): boolean {
    this.#head ??= this.#slots.shift();
    const release = this.#head?.release;
    if (release === undefined) return false;
    this.#head = undefined;
    try {
      release();
    } catch (cause) {
      this.#failed(cause);
    }
    return true;
  }

  #prepare(job: Job): void {
    const slot: Slot = { release: undefined };
    this.#slots.push(slot);
    const settle = (release: () => void): void => {
      slot.release = release;
    };
    const fail = (cause: unknown): void => {
      this.#failed(cause);
      settle(() => {});
    };
    try {
      const prepared = job();
      if (!isPromise(prepared)) return settle(prepared);
      void prepared.then(settle, fail).then(() => this.run());
    } catch (cause) {
      fail(cause);
    }
  }
}

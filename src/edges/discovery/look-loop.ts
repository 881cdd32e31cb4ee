import type { Cancel } from "../../contracts/clock.js";
import type { DiscoveryHost, Sighting } from "../../contracts/discovery.js";

/** What a look found: everybody, or why it failed. */
export type Look =
  | { readonly sightings: readonly Sighting[] }
  /** `afterMs`: the next look is not to come sooner. */
  | { readonly failure: string; readonly afterMs?: number | undefined };

/** How often is looked, and how long a look may take. */
export interface LookTiming {
  readonly periodMs: number;
  readonly lookMsMax: number;
}

/**
 * Looks again and again, a random quarter sooner or later than the period, so that nodes which started together do not
 * ask together. One look at a time; one that takes too long is cut off and has failed.
 */
export class LookLoop {
  readonly #host: DiscoveryHost;
  readonly #timing: LookTiming;
  readonly #look: (signal: AbortSignal) => Promise<Look>;
  #cancelNext: Cancel = () => {};
  #current: AbortController | undefined;
  #over = false;
  #again = false;

  constructor(host: DiscoveryHost, timing: LookTiming, look: (signal: AbortSignal) => Promise<Look>) {
    this.#host = host;
    this.#timing = timing;
    this.#look = look;
  }

  /** Looks at once; if a look is under way, once more after it. */
  hurry(): void {
    if (this.#over) return;
    if (this.#current !== undefined) {
      this.#again = true;
      return;
    }
    this.#cancelNext();
    void this.#run();
  }

  /** Cuts off the look that is under way. Nothing is reported any more. */
  stop(): void {
    this.#over = true;
    this.#cancelNext();
    this.#current?.abort();
  }

  async #run(): Promise<void> {
    const current = new AbortController();
    this.#current = current;
    this.#again = false;
    const found = await this.#bounded(current);
    this.#current = undefined;
    if (this.#over) return;
    const { clock, random, view, failed } = this.#host;
    let waitMs = this.#timing.periodMs * (0.75 + random.fraction() / 2);
    if ("sightings" in found) view(found.sightings);
    else {
      failed(found.failure);
      waitMs = Math.max(waitMs, found.afterMs ?? 0);
    }
    // A listener may have ended the looking.
    if (this.#over) return;
    this.#cancelNext = clock.after(this.#again ? 0 : waitMs, () => void this.#run());
  }

  /** The look, or its failure when time is up or it ends in an error. */
  async #bounded(current: AbortController): Promise<Look> {
    const { lookMsMax } = this.#timing;
    let cancelTimeout: Cancel = () => {};
    const timeout = new Promise<Look>((resolve) => {
      cancelTimeout = this.#host.clock.after(lookMsMax, () => {
        resolve({ failure: `no answer in ${lookMsMax} ms` });
        current.abort();
      });
    });
    const stopped = new Promise<Look>((resolve) => {
      current.signal.addEventListener("abort", () => resolve({ failure: "stopped" }), { once: true });
    });
    const look = this.#look(current.signal).catch(
      (error: unknown): Look => ({ failure: error instanceof Error ? error.message : String(error) }),
    );
    try {
      return await Promise.race([look, timeout, stopped]);
    } finally {
      cancelTimeout();
    }
  }
}

import type { Cancel, Clock } from "../../contracts/clock.js";
import type { ConnectDecision } from "../connect.js";

/** Handshakes that wait for their refusal at the same time; beyond, refusals go out at once. */
const HELD_MAX = 1_000;

/** Makes clients wait for a refusal that they should have expected: while they wait, they do not come again. */
export class RefusalDelays {
  readonly #clock: Clock;
  readonly #held = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Gives the decision back when its time has come. */
  hold(decision: ConnectDecision): ConnectDecision | Promise<ConnectDecision> {
    const delayMs = decision.kind === "refused" ? (decision.delayMs ?? 0) : 0;
    if (delayMs <= 0 || this.#held.size >= HELD_MAX) return decision;
    return new Promise((resolve) => {
      let cancel: Cancel | undefined;
      const release = (): void => {
        cancel?.();
        this.#held.delete(release);
        resolve(decision);
      };
      cancel = this.#clock.after(delayMs, release);
      this.#held.add(release);
    });
  }

  /** Lets all of them go. */
  stop(): void {
    for (const release of [...this.#held]) release();
  }
}

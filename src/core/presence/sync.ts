import type { Clocks } from "./message.js";
import type { ReplicaId } from "./replica-id.js";
import type { PresenceState } from "./state.js";

interface Asked {
  /** When not to wait any longer. */
  until: number;
  /** Requests without an answer. */
  tries: number;
}

/** Collects which replicas know more than this one, and decides whom to ask. */
export class Sync {
  readonly #state: PresenceState;
  readonly #timeoutMs: number;
  /** By replica that said so: the clocks that were ahead of what was known here. */
  readonly #offers = new Map<ReplicaId, Map<ReplicaId, number>>();
  /** Who was asked and has not told all yet. */
  readonly #asked = new Map<ReplicaId, Asked>();

  constructor(state: PresenceState, timeoutMs: number) {
    this.#state = state;
    this.#timeoutMs = timeoutMs;
  }

  /** Notes what a replica knows. Returns whether something is missing here now. */
  note(from: ReplicaId, clocks: Clocks): boolean {
    const ahead = new Map<ReplicaId, number>();
    let missing = false;
    for (const [id, clock] of clocks) {
      if (id === this.#state.self || clock <= this.#contextOf(id)) continue;
      // Also of replicas that are not known yet: they may become known before the answer is due.
      ahead.set(id, clock);
      missing ||= this.#state.knows(id);
    }
    if (ahead.size > 0) this.#offers.set(from, ahead);
    else this.#offers.delete(from);
    return missing;
  }

  /** Notes how far a replica itself has come. Returns whether something of it is missing here now. */
  noteOwn(from: ReplicaId, clock: number): boolean {
    if (clock <= this.#contextOf(from)) return false;
    const offer = this.#offers.get(from);
    if (offer === undefined) this.#offers.set(from, new Map([[from, clock]]));
    else offer.set(from, Math.max(clock, offer.get(from) ?? 0));
    return this.#state.knows(from);
  }

  /**
   * A few replicas to ask for everything missing: those with the most first, none that adds nothing, and those that
   * did not answer before only for what nobody else has.
   */
  sources(now: number): readonly ReplicaId[] {
    const gains = [...this.#offers]
      .map(([from, clocks]) => ({ from, clocks, gain: this.#gain(clocks), tries: this.#triesOf(from, now) }))
      .sort((a, b) => a.tries - b.tries || b.gain - a.gain);
    const best = new Map<ReplicaId, number>();
    const chosen: ReplicaId[] = [];
    for (const { from, clocks, gain } of gains) {
      if (gain === 0) this.#offers.delete(from);
      else if (this.#raise(best, clocks) && !this.#isAsked(from, now)) chosen.push(from);
    }
    return chosen;
  }

  asking(id: ReplicaId, now: number): void {
    const tries = (this.#asked.get(id)?.tries ?? 0) + 1;
    this.#asked.set(id, { until: now + this.#timeoutMs, tries });
  }

  /** A part of the answer came. */
  answered(id: ReplicaId): void {
    this.#asked.delete(id);
  }

  /** A replica has told all it had, or is not there any more. A later heartbeat may bring a new offer. */
  done(id: ReplicaId): void {
    this.#asked.delete(id);
    this.#offers.delete(id);
  }

  /** Number of known replicas for which `clocks` are ahead. */
  #gain(clocks: Clocks): number {
    let gain = 0;
    for (const [id, clock] of clocks) {
      if (this.#state.knows(id) && clock > this.#contextOf(id)) gain += 1;
    }
    return gain;
  }

  #raise(best: Map<ReplicaId, number>, clocks: Clocks): boolean {
    let raised = false;
    for (const [id, clock] of clocks) {
      if (!this.#state.knows(id) || clock <= (best.get(id) ?? this.#contextOf(id))) continue;
      best.set(id, clock);
      raised = true;
    }
    return raised;
  }

  #isAsked(id: ReplicaId, now: number): boolean {
    return (this.#asked.get(id)?.until ?? now) > now;
  }

  /** Whoever may still answer counts as one that does. */
  #triesOf(id: ReplicaId, now: number): number {
    return this.#isAsked(id, now) ? 0 : (this.#asked.get(id)?.tries ?? 0);
  }

  #contextOf(id: ReplicaId): number {
    return this.#state.view(id)?.context ?? 0;
  }
}

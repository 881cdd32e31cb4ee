import type { Life } from "../life.js";

/** One meta that a user was given somewhere; its number stands in it. */
export interface Tracked {
  readonly number: number;
  readonly life: Life;
  readonly topic: string;
  readonly key: string;
  readonly bornUs: number;
  /** The one that it took the place of, on the same channel. */
  readonly replaced: Tracked | undefined;
  /** Undefined until somebody is told. */
  ref: string | undefined;
  /** When it was taken back; undefined while it is there, or was lost with its node. */
  endedUs: number | undefined;
}

/** What presence was asked to do, and what came of it; a run that checked nothing proves nothing. */
export interface PresenceCounts {
  tracked: number;
  updated: number;
  untracked: number;
  /** Joins and leaves that clients were told. */
  joins: number;
  leaves: number;
  /** Changes that a node with which nothing was the matter had to know, and did. */
  agreed: number;
  /** Times at which a silent node had to be hidden, and was. */
  hidden: number;
  /** Times at which a node had to be forgotten, and was. */
  forgotten: number;
}

/** Everything that was ever tracked: what the views of all nodes are held against. */
export class PresenceModel {
  readonly counts: PresenceCounts = {
    tracked: 0,
    updated: 0,
    untracked: 0,
    joins: 0,
    leaves: 0,
    agreed: 0,
    hidden: 0,
    forgotten: 0,
  };
  readonly #all: Tracked[] = [];
  readonly #present = new Set<Tracked>();

  /** Something is about to be tracked. */
  add(life: Life, topic: string, key: string, nowUs: number, replaced?: Tracked): Tracked {
    const number = this.#all.length;
    const tracked: Tracked = {
      number,
      life,
      topic,
      key,
      bornUs: nowUs,
      replaced,
      ref: undefined,
      endedUs: undefined,
    };
    this.#all.push(tracked);
    this.#present.add(tracked);
    return tracked;
  }

  /** It was taken back, replaced, or refused. */
  end(tracked: Tracked, nowUs: number): void {
    tracked.endedUs ??= nowUs;
    this.#present.delete(tracked);
  }

  /** What a meta stands for; undefined when nobody was given it. */
  find(meta: unknown): Tracked | undefined {
    // Metas of a simulation are objects with a number; whatever else is seen was not tracked.
    const { n } = meta as { readonly n?: unknown };
    return typeof n === "number" ? this.#all[n] : undefined;
  }

  /** What is there now. What was lost with its node is not. */
  *present(): IterableIterator<Tracked> {
    for (const tracked of this.#present) {
      if (isLiving(tracked.life)) yield tracked;
      else this.#present.delete(tracked);
    }
  }
}

/** Whether a node has not ended, in whatever way. */
export function isLiving(life: Life): boolean {
  return life.process.alive && life.state !== "over";
}

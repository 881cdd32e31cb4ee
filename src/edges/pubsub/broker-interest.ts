import type { Clock } from "../../contracts/clock.js";
import { SimurghError } from "../../runtime/errors.js";
import type { BrokerCounters } from "./broker-counters.js";
import type { BrokerLink } from "./broker-driver.js";
import { within } from "./within.js";

/** A topic with a local subscriber. */
export interface WantedTopic {
  readonly topic: string;
  readonly name: string;
  /** What leads each message of a hashed name; empty for others. */
  readonly head: Uint8Array;
}

/** Changes that go to the broker together. */
interface Batch {
  readonly told: Promise<void>;
  settle(): void;
}

/** Names told to a new link at a time: with each answer it is seen that the broker lives. */
const namesPerStep = 1_000;

async function step(clock: Clock, stepMs: number, told: Promise<void>): Promise<void> {
  if (await within(clock, stepMs, told)) return;
  throw new SimurghError("engine_unreachable", "the broker does not answer");
}

function createBatch(): Batch {
  let settle = () => {};
  const told = new Promise<void>((resolve) => {
    settle = resolve;
  });
  return { told, settle };
}

/**
 * What this node wants to hear, and what of it the broker knows. Changes of one turn of the event loop go to the
 * broker together, and only what is left of them: a topic dropped and taken up again within the turn costs nothing.
 */
export class BrokerInterest {
  readonly #timeoutMs: number;
  readonly #counters: BrokerCounters;
  readonly #byTopic = new Map<string, WantedTopic>();
  readonly #byName = new Map<string, WantedTopic>();
  #link: { readonly link: BrokerLink; readonly clock: Clock } | undefined;
  readonly #known = new Set<string>();
  #changed = new Set<string>();
  #batch: Batch | undefined;
  readonly #open = new Set<Batch>();
  /** Settles when all that the broker was told before is in force. */
  #before: Promise<unknown> = Promise.resolve();

  constructor(timeoutMs: number, counters: BrokerCounters) {
    this.#timeoutMs = timeoutMs;
    this.#counters = counters;
  }

  get size(): number {
    return this.#byTopic.size;
  }

  has(topic: string): boolean {
    return this.#byTopic.has(topic);
  }

  find(name: string): WantedTopic | undefined {
    return this.#byName.get(name);
  }

  /** A promise when there is a broker to tell. It never rejects, and settles within the timeout. */
  add(wanted: WantedTopic): Promise<void> | undefined {
    this.#byTopic.set(wanted.topic, wanted);
    this.#byName.set(wanted.name, wanted);
    return this.#change(wanted.name);
  }

  remove(topic: string): void {
    const wanted = this.#byTopic.get(topic);
    if (wanted === undefined) return;
    this.#byTopic.delete(topic);
    this.#byName.delete(wanted.name);
    void this.#change(wanted.name);
  }

  clear(): void {
    this.detach();
    this.#byTopic.clear();
    this.#byName.clear();
  }

  /**
   * Tells a new link everything, and the `fixed` names besides, in steps of which each may take `stepMs`. Resolves
   * when all of it is in force; rejects when it never can be.
   */
  async attach(link: BrokerLink, clock: Clock, fixed: readonly string[], stepMs: number): Promise<void> {
    this.detach();
    this.#link = { link, clock };
    this.#before = Promise.resolve();
    try {
      await this.#tellAll(link, clock, fixed, stepMs);
    } catch (error) {
      if (this.#link?.link === link) this.detach();
      throw error;
    }
  }

  async #tellAll(link: BrokerLink, clock: Clock, fixed: readonly string[], stepMs: number): Promise<void> {
    const names = [...fixed, ...this.#byName.keys()];
    for (let at = 0; at < names.length; at += namesPerStep) {
      // Meanwhile some may have been told by themselves, and some are not wanted any more.
      const isDue = (name: string) =>
        fixed.includes(name) || (this.#byName.has(name) && !this.#known.has(name));
      const due = names.slice(at, at + namesPerStep).filter(isDue);
      for (const name of due) this.#known.add(name);
      if (due.length > 0) await step(clock, stepMs, link.subscribe(due));
    }
    await step(clock, stepMs, link.settled());
  }

  /** The link is gone: nobody is left to be told. */
  detach(): void {
    this.#link = undefined;
    this.#known.clear();
    this.#changed.clear();
    this.#batch = undefined;
    for (const batch of this.#open) batch.settle();
    this.#open.clear();
  }

  #change(name: string): Promise<void> | undefined {
    const at = this.#link;
    if (at === undefined) return undefined;
    this.#changed.add(name);
    if (this.#batch === undefined) {
      const batch = createBatch();
      this.#batch = batch;
      this.#open.add(batch);
      setImmediate(() => this.#tell(at.link, at.clock, batch));
    }
    return this.#batch.told;
  }

  #tell(link: BrokerLink, clock: Clock, batch: Batch): void {
    if (this.#batch !== batch) return;
    const changed = this.#changed;
    this.#changed = new Set();
    this.#batch = undefined;
    const fresh: string[] = [];
    const stale: string[] = [];
    for (const name of changed) {
      const wanted = this.#byName.has(name);
      if (wanted === this.#known.has(name)) continue;
      if (wanted) this.#known.add(name);
      else this.#known.delete(name);
      (wanted ? fresh : stale).push(name);
    }
    if (stale.length > 0) link.unsubscribe(stale);
    const told = fresh.length > 0 ? link.subscribe(fresh) : undefined;
    this.#settleLater(clock, batch, told);
  }

  /** What nothing had to be told for may still wait for what was told before. */
  #settleLater(clock: Clock, batch: Batch, told: Promise<void> | undefined): void {
    const done = Promise.allSettled(told === undefined ? [this.#before] : [this.#before, told]);
    this.#before = done;
    const cancel = clock.after(this.#timeoutMs, () => {
      if (!this.#open.delete(batch)) return;
      this.#counters.interest_timeouts += 1;
      batch.settle();
    });
    void done.then(() => {
      cancel();
      this.#open.delete(batch);
      batch.settle();
    });
    void batch.told.then(cancel);
  }
}

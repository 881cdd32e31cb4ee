import type { Cancel, Clock } from "../../contracts/clock.js";
import type { Logger } from "../../contracts/logger.js";
import type { TopicDiff } from "../../core/presence/diff.js";
import type { KeyedEntries } from "../../core/presence/entry.js";
import { presenceDiff, presenceState } from "../../core/protocol/presence.js";
import { isPromise, type MaybePromise } from "../result.js";
import type { FetchLimits } from "./presence-types.js";
import type { AnyFetch } from "./settings.js";

/** Presences by key, with whatever was added. */
export type Fetched = Readonly<Record<string, object>>;

/** A diff as clients are sent it. */
export interface FetchedDiff {
  readonly joins: Fetched;
  readonly leaves: Fetched;
}

/** Passes presences through the author's `fetch`; what that does wrong costs the added fields and nothing else. */
export class Fetcher {
  readonly #fetch: AnyFetch | undefined;
  readonly #limits: FetchLimits;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** The timeouts of the fetches under way. */
  readonly #timeouts = new Set<Cancel>();
  #stopped = false;
  /** Fetches that threw, answered nonsense, took too long, or were not even made. */
  failures = 0;

  constructor(fetch: AnyFetch | undefined, limits: FetchLimits, clock: Clock, logger: Logger) {
    this.#fetch = fetch;
    this.#limits = limits;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Fetches under way. */
  get pending(): number {
    return this.#timeouts.size;
  }

  /** Waits for nothing any more, and asks for nothing: there are no clients left to tell. */
  stop(): void {
    this.#stopped = true;
    for (const cancel of this.#timeouts) cancel();
    this.#timeouts.clear();
  }

  /** A whole topic, or a part of it. */
  entries(topic: string, entries: KeyedEntries): MaybePromise<Fetched> {
    return this.#ask(topic, plainOf(entries));
  }

  /** A diff: `fetch` is asked for the joins, then for the leaves, whether there are any or not. */
  diff(topic: string, diff: TopicDiff): MaybePromise<FetchedDiff> {
    const plain = plainDiff(diff);
    const joins = this.#ask(topic, plain.joins);
    const leaves = this.#ask(topic, plain.leaves);
    if (!isPromise(joins) && !isPromise(leaves)) return { joins, leaves };
    return Promise.all([joins, leaves]).then(([late, later]) => ({ joins: late, leaves: later }));
  }

  #ask(topic: string, plain: Fetched): MaybePromise<Fetched> {
    if (this.#fetch === undefined || this.#stopped) return plain;
    if (this.pending >= this.#limits.fetchesMax) return this.#failed(topic, plain, "too many under way");
    try {
      const answer = this.#fetch(topic, plain);
      return isPromise(answer) ? this.#inTime(topic, plain, answer) : this.#checked(topic, plain, answer);
    } catch (cause) {
      return this.#failed(topic, plain, String(cause));
    }
  }

  #inTime(topic: string, plain: Fetched, answer: Promise<unknown>): Promise<Fetched> {
    return new Promise<Fetched>((resolve) => {
      const cancel = this.#clock.after(this.#limits.fetchTimeoutMs, () => {
        this.#timeouts.delete(cancel);
        resolve(this.#failed(topic, plain, "took too long"));
      });
      this.#timeouts.add(cancel);
      const settle = (make: () => Fetched): void => {
        cancel();
        this.#timeouts.delete(cancel);
        resolve(make());
      };
      answer.then(
        (late) => settle(() => this.#checked(topic, plain, late)),
        (cause: unknown) => settle(() => this.#failed(topic, plain, String(cause))),
      );
    });
  }

  /** The answer, as far as it has the keys that were asked for, each with metas. */
  #checked(topic: string, plain: Fetched, answer: unknown): Fetched {
    const given = typeof answer === "object" && answer !== null ? answer : {};
    const checked: Record<string, object> = Object.create(null);
    let missing = 0;
    for (const [key, own] of Object.entries(plain)) {
      const found: unknown = Object.getOwnPropertyDescriptor(given, key)?.value;
      const sound = hasMetas(found);
      if (!sound) missing += 1;
      checked[key] = sound ? found : own;
    }
    return missing === 0 ? checked : this.#failed(topic, checked, `${missing} keys came back without metas`);
  }

  #failed(topic: string, instead: Fetched, why: string): Fetched {
    this.failures += 1;
    this.#logger.warn("presence fetch failed", { topic, error: why });
    return instead;
  }
}

/** A diff without what `fetch` adds. */
export function plainDiff(diff: TopicDiff): FetchedDiff {
  // Both are objects of keys, and each key has an object with its metas.
  return presenceDiff(diff) as unknown as FetchedDiff;
}

function plainOf(entries: KeyedEntries): Fetched {
  // As above.
  return presenceState(entries) as Fetched;
}

function hasMetas(value: unknown): value is object {
  return typeof value === "object" && value !== null && "metas" in value && Array.isArray(value.metas);
}

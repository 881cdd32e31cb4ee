import { presenceEvents } from "../../../core/protocol/presence.js";
import type { PresenceModel, Tracked } from "./model.js";

/** Fields that `fetch` adds in a simulation. */
export const fetchedField = "tag";

interface Meta {
  readonly phx_ref: string;
  readonly phx_ref_prev?: string;
}
type Presences = Readonly<Record<string, { readonly metas: readonly Meta[]; readonly tag?: unknown }>>;

/** What a view is held against. */
export interface ViewParts {
  readonly topic: string;
  readonly model: PresenceModel;
  /** Whether every key must come with what `fetch` adds. */
  readonly fetched: boolean;
  /** Whether single presences are shown at all. */
  readonly named: boolean;
  readonly fail: (violation: string) => void;
}

/**
 * Who is there as a client knows it, from the events alone. Unlike a real client it forgives nothing: no second
 * join, no leave of what did not join, nothing that was never tracked.
 */
export class PresenceView {
  readonly #parts: ViewParts;
  readonly #refs = new Map<string, Tracked>();
  #ready = false;
  /** What the client was told last. */
  count: { readonly keys: number; readonly metas: number } | undefined;

  constructor(parts: ViewParts) {
    this.#parts = parts;
  }

  /** Whether it was told where to begin. */
  get ready(): boolean {
    return this.#ready;
  }

  get refs(): ReadonlyMap<string, Tracked> {
    return this.#refs;
  }

  /** Takes an event in. Before the state there is nothing that a diff could be held against. */
  take(event: string, payload: object): void {
    // The events of presence have the payloads of presence; the checks find what has not.
    const { joins, leaves } = payload as { readonly joins: Presences; readonly leaves: Presences };
    if (event === presenceEvents.count) {
      this.count = payload as NonNullable<PresenceView["count"]>;
      if (!this.#parts.named) this.#ready = true;
    } else if (!this.#parts.named) this.#fail(`${event}, where clients are told counts only`);
    else if (event === presenceEvents.state) this.#begin(payload as Presences);
    else if (event === presenceEvents.diff && this.#ready) this.#change(joins, leaves);
  }

  #begin(state: Presences): void {
    if (this.#ready) this.#fail("a second presence_state");
    this.#ready = true;
    for (const [key, meta] of this.#metasOf(state)) this.#join(key, meta);
  }

  /** As clients do: joins before leaves, so that an update is no moment without the key. */
  #change(joins: Presences, leaves: Presences): void {
    const { counts } = this.#parts.model;
    const leaving = new Set([...this.#metasOf(leaves)].map(([, { phx_ref }]) => phx_ref));
    for (const [key, meta] of this.#metasOf(joins)) {
      counts.joins += 1;
      const { phx_ref_prev: replaced } = meta;
      if (replaced !== undefined && this.#refs.has(replaced) && !leaving.has(replaced)) {
        this.#fail(`${meta.phx_ref} takes the place of ${replaced}, which does not leave`);
      }
      this.#join(key, meta);
    }
    for (const ref of leaving) {
      counts.leaves += 1;
      if (!this.#refs.delete(ref)) this.#fail(`a leave of ${ref}, which was not there`);
    }
  }

  #join(key: string, meta: Meta): void {
    const { model, topic } = this.#parts;
    const tracked = model.find(meta);
    if (tracked === undefined || tracked.topic !== topic || tracked.key !== key) {
      return this.#fail(`a join of ${meta.phx_ref} as ${key}, which was never tracked`);
    }
    tracked.ref ??= meta.phx_ref;
    if (tracked.ref !== meta.phx_ref) this.#fail(`${tracked.ref} came as ${meta.phx_ref}`);
    if (meta.phx_ref_prev !== undefined && !cameFrom(tracked, meta.phx_ref_prev)) {
      this.#fail(`${meta.phx_ref} takes the place of ${meta.phx_ref_prev}, and not of its own`);
    }
    if (this.#refs.has(meta.phx_ref)) this.#fail(`a second join of ${meta.phx_ref}`);
    this.#refs.set(meta.phx_ref, tracked);
  }

  *#metasOf(presences: Presences): IterableIterator<readonly [string, Meta]> {
    for (const [key, presence] of Object.entries(presences)) {
      if (this.#parts.fetched && presence[fetchedField] !== key) this.#fail(`${key} without what fetch adds`);
      for (const meta of presence.metas) yield [key, meta];
    }
  }

  #fail(what: string): void {
    this.#parts.fail(`was told ${what}`);
  }
}

/** Whether a meta is a successor of the one with a ref. Several updates may be told as one. */
function cameFrom(tracked: Tracked, ref: string): boolean {
  for (let one = tracked.replaced; one !== undefined; one = one.replaced) if (one.ref === ref) return true;
  return false;
}

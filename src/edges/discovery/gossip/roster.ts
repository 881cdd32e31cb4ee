import type { Sighting } from "../../../contracts/discovery.js";
import { formatHostPort } from "../../../core/cluster/peer-text.js";
import { type Message, markBytes, marksMax } from "./message.js";

/** One life of another node. */
interface Entry {
  readonly life: string;
  sighting: Sighting;
  heardMs: number;
  /** It has mentioned this node's life: it speaks now, and is no recording from before. */
  confirmed: boolean;
}

/** What a packet was to the roster. */
export type Heard = "news" | "known" | "replayed" | "full";

/** Lives whose counters are remembered, the dead among them: a recording of the dead must not raise them. */
const countersMax = 8_192;

/** The mark of a life. */
export const markOf = (life: string): string => life.slice(0, 2 * markBytes);

/** Who was heard, and which of them are known to be alive. */
export class Roster {
  readonly #ownMark: string;
  readonly #nodesMax: number;
  readonly #entries = new Map<string, Entry>();
  readonly #counters = new Map<string, number>();
  /** Lives that this node has not mentioned yet: they wait for it. */
  readonly #unmentioned = new Set<string>();
  #turn = 0;

  constructor(ownLife: string, nodesMax: number) {
    this.#ownMark = markOf(ownLife);
    this.#nodesMax = nodesMax;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Heard, but not known to be more than a recording. */
  get unconfirmed(): number {
    return [...this.#entries.values()].filter(({ confirmed }) => !confirmed).length;
  }

  /** Whether somebody waits for being mentioned. */
  get owesMention(): boolean {
    return this.#unmentioned.size > 0;
  }

  /** Takes what a life said in its packet number `counter`. "news": the view is another one now. */
  hear(life: string, counter: number, message: Message, host: string, nowMs: number): Heard {
    if (counter <= (this.#counters.get(life) ?? 0)) return "replayed";
    const fresh = message.marks.includes(this.#ownMark);
    const known = this.#entries.get(life);
    if (known === undefined && (message.leaving || this.#entries.size >= this.#nodesMax)) {
      if (message.leaving) this.#count(life, counter);
      return message.leaving ? "known" : "full";
    }
    this.#count(life, counter);
    if (message.leaving) return this.#drop(life) ? "news" : "known";
    const sighting = { address: { host, port: message.port }, name: message.name, life };
    if (known === undefined) this.#unmentioned.add(life);
    const entry = known ?? { life, sighting, heardMs: nowMs, confirmed: false };
    const moved = formatHostPort(entry.sighting.address) !== formatHostPort(sighting.address);
    const confirmedNow = fresh && !entry.confirmed;
    entry.sighting = sighting;
    entry.heardMs = nowMs;
    entry.confirmed ||= fresh;
    this.#entries.set(life, entry);
    if (confirmedNow) this.#replaceOthers(entry);
    return confirmedNow || (moved && entry.confirmed) ? "news" : "known";
  }

  /** Forgets who was not heard since. True: the view is another one now. */
  expire(sinceMs: number): boolean {
    let changed = false;
    for (const [life, { heardMs }] of this.#entries) {
      if (heardMs < sinceMs && this.#drop(life)) changed = true;
    }
    return changed;
  }

  view(): Sighting[] {
    return [...this.#entries.values()].filter(({ confirmed }) => confirmed).map(({ sighting }) => sighting);
  }

  /** Whom to mention in the next packet: first those who wait for it, then everybody in turn. */
  mention(): string[] {
    const lives = new Set<string>();
    for (const life of this.#unmentioned) {
      if (lives.size === marksMax) break;
      lives.add(life);
      this.#unmentioned.delete(life);
    }
    const all = [...this.#entries.keys()];
    for (let i = 0; i < all.length && lives.size < marksMax; i++) {
      const life = all[this.#turn % all.length];
      this.#turn += 1;
      if (life !== undefined) lives.add(life);
    }
    return [...lives].map(markOf);
  }

  #count(life: string, counter: number): void {
    // Set anew so that the map is in the order of use: the oldest goes first.
    this.#counters.delete(life);
    this.#counters.set(life, counter);
    if (this.#counters.size <= countersMax) return;
    const [oldest] = this.#counters.keys();
    if (oldest !== undefined) this.#counters.delete(oldest);
  }

  /** True: it was in the view. */
  #drop(life: string): boolean {
    const confirmed = this.#entries.get(life)?.confirmed ?? false;
    this.#entries.delete(life);
    this.#unmentioned.delete(life);
    return confirmed;
  }

  /** A node was started again at its address: its former life is over. */
  #replaceOthers({ life, sighting }: Entry): void {
    const key = formatHostPort(sighting.address);
    for (const other of this.#entries.values()) {
      if (other.life !== life && formatHostPort(other.sighting.address) === key) this.#drop(other.life);
    }
  }
}

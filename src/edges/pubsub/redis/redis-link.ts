import type { BrokerLink } from "../broker-driver.js";
import type { RedisPair } from "./redis-pair.js";
import { slotOf } from "./slots.js";

/** Largest message a server takes unless told otherwise. */
const messageBytesMax = 512 * 1_048_576;

/** A link with one server, or with all masters of a cluster; with each of them, or not at all. */
export class RedisLink implements BrokerLink {
  readonly remote: string;
  readonly messageBytesMax = messageBytesMax;
  readonly #pairs: readonly RedisPair[];
  /** The place of each slot's pair; undefined when there is one pair. */
  readonly #bySlot: Uint16Array | undefined;

  constructor(remote: string, pairs: readonly RedisPair[], bySlot: Uint16Array | undefined) {
    this.remote = remote;
    this.#pairs = pairs;
    this.#bySlot = bySlot;
  }

  get pendingBytes(): number {
    let sum = 0;
    for (const pair of this.#pairs) sum += pair.pendingBytes;
    return sum;
  }

  async subscribe(names: readonly string[]): Promise<void> {
    await Promise.all([...this.#byPair(names)].map(([pair, group]) => pair.subscribe(group)));
  }

  unsubscribe(names: readonly string[]): void {
    for (const [pair, group] of this.#byPair(names)) pair.unsubscribe(group);
  }

  publish(name: string, data: Uint8Array): void {
    this.#pairOf(name)?.publish(name, data);
  }

  async settled(): Promise<void> {
    await Promise.all(this.#pairs.map((pair) => pair.settled()));
  }

  destroy(): void {
    for (const pair of this.#pairs) pair.destroy();
  }

  #pairOf(name: string): RedisPair | undefined {
    return this.#pairs[this.#bySlot === undefined ? 0 : (this.#bySlot[slotOf(name)] ?? 0)];
  }

  #byPair(names: readonly string[]): Map<RedisPair, string[]> {
    const groups = new Map<RedisPair, string[]>();
    for (const name of names) {
      const pair = this.#pairOf(name);
      if (pair === undefined) continue;
      const group = groups.get(pair);
      if (group === undefined) groups.set(pair, [name]);
      else group.push(name);
    }
    return groups;
  }
}

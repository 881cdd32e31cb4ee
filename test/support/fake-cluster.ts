import type { PubSubAdapter, PubSubHost } from "../../src/contracts/pubsub-adapter.js";
import type { FakeClock } from "./fake-clock.js";

/** Milliseconds that a message takes. */
const LATENCY_MS = 2;

/** Engines of several nodes on one driven clock, and what cuts them off from each other. */
export class FakeCluster {
  readonly clock: FakeClock;
  readonly #hosts = new Set<PubSubHost>();
  readonly #topics = new Map<PubSubHost, Set<string>>();
  /** Names of the nodes that are cut off from all others, and not from each other. */
  readonly #away = new Set<string>();
  /** Whether the message with this number is lost on its way to one node. */
  loses: (message: number) => boolean = () => false;
  /** Messages that were published, and their bytes. */
  published = 0;
  publishedBytes = 0;
  #passed = 0;

  constructor(clock: FakeClock) {
    this.clock = clock;
  }

  /** Cuts these nodes off. `tell`: their engines notice. */
  cutOff(names: readonly string[], tell = true): void {
    for (const name of names) this.#away.add(name);
    if (tell) this.#tellSplit("node_down");
  }

  /** Makes the cluster whole again. */
  heal(tell = true): void {
    if (tell) this.#tellSplit("node_up");
    this.#away.clear();
  }

  #tellSplit(type: "node_up" | "node_down"): void {
    for (const host of this.#hosts) {
      for (const { nodeName: node } of this.#hosts) {
        if (this.#away.has(host.nodeName) === this.#away.has(node)) continue;
        host.changed(type === "node_up" ? { type, node } : { type, node, reason: "cut off" });
      }
    }
  }

  #publish(from: PubSubHost, topic: string, data: Uint8Array): void {
    this.published++;
    this.publishedBytes += data.length;
    for (const to of this.#hosts) {
      if (to === from || this.#away.has(to.nodeName) !== this.#away.has(from.nodeName)) continue;
      this.#passed++;
      if (this.loses(this.#passed) || this.#topics.get(to)?.has(topic) !== true) continue;
      const copy = data.slice();
      this.clock.after(LATENCY_MS, () => this.#hosts.has(to) && to.deliver(topic, copy));
    }
  }

  /** The engine of one more node. */
  createAdapter(): PubSubAdapter {
    let own: PubSubHost | undefined;
    const topics = new Set<string>();
    return {
      engine: "fake-cluster",
      start: async (host) => {
        own = host;
        for (const other of this.#hosts) {
          other.changed({ type: "node_up", node: host.nodeName });
          host.changed({ type: "node_up", node: other.nodeName });
        }
        this.#hosts.add(host);
        this.#topics.set(host, topics);
      },
      stop: async () => {
        if (own !== undefined) this.#hosts.delete(own);
      },
      subscribe: (topic) => void topics.add(topic),
      unsubscribe: (topic) => void topics.delete(topic),
      publish: (topic, data) => {
        if (own !== undefined) this.#publish(own, topic, data);
      },
      nodes: () => [],
      healthy: true,
      stats: () => ({}),
    };
  }
}

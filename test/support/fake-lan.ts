import type { PubSubAdapter, PubSubHost } from "../../src/contracts/pubsub-adapter.js";

interface Machine {
  readonly host: PubSubHost;
  readonly topics: Set<string>;
}

/** An engine in memory between nodes of a test: carries at once, and can be cut, with or without a word. */
export class FakeLan {
  readonly #machines = new Map<string, Machine>();
  readonly #cuts = new Set<string>();
  /** Messages carried, with their receivers. */
  carried = 0;
  /** Whether a message is lost; asked for each. */
  loses: (topic: string) => boolean = () => false;

  /** An adapter for one node. */
  adapter(): PubSubAdapter {
    let name: string | undefined;
    const self = () => (name === undefined ? undefined : this.#machines.get(name));
    return {
      engine: "lan",
      healthy: true,
      start: async (host) => {
        name = host.nodeName;
        this.#machines.set(name, { host, topics: new Set() });
        for (const other of this.#reachable(name)) this.#tellUp(name, other);
      },
      stop: async () => {
        if (name !== undefined) this.crash(name, "left");
      },
      subscribe: (topic) => {
        self()?.topics.add(topic);
        return undefined;
      },
      unsubscribe: (topic) => void self()?.topics.delete(topic),
      publish: (topic, data) => {
        if (name !== undefined && self() !== undefined) this.#carry(name, topic, data);
      },
      nodes: () => (name === undefined ? [] : this.#reachable(name)),
      stats: () => ({}),
    };
  }

  /** The node is gone, and the engine notices. */
  crash(name: string, reason = "lost"): void {
    const others = this.#reachable(name);
    if (!this.#machines.delete(name)) return;
    for (const other of others)
      this.#machines.get(other)?.host.changed({ type: "node_down", node: name, reason });
  }

  /** Two nodes do not reach each other any more; `silently` means that the engine does not say so. */
  cut(a: string, b: string, silently = false): void {
    this.#cuts.add(`${a} ${b}`).add(`${b} ${a}`);
    if (silently) return;
    this.#machines.get(a)?.host.changed({ type: "node_down", node: b, reason: "cut" });
    this.#machines.get(b)?.host.changed({ type: "node_down", node: a, reason: "cut" });
  }

  heal(a: string, b: string): void {
    this.#cuts.delete(`${a} ${b}`);
    this.#cuts.delete(`${b} ${a}`);
    this.#tellUp(a, b);
  }

  #tellUp(a: string, b: string): void {
    this.#machines.get(b)?.host.changed({ type: "node_up", node: a });
    this.#machines.get(a)?.host.changed({ type: "node_up", node: b });
  }

  #reachable(name: string): string[] {
    return [...this.#machines.keys()].filter(
      (other) => other !== name && !this.#cuts.has(`${name} ${other}`),
    );
  }

  #carry(from: string, topic: string, data: Uint8Array): void {
    for (const to of this.#reachable(from)) {
      const machine = this.#machines.get(to);
      if (machine === undefined || !machine.topics.has(topic) || this.loses(topic)) continue;
      this.carried += 1;
      machine.host.deliver(topic, data.slice());
    }
  }
}

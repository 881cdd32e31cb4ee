import type { PubSubEngineUnderTest } from "simurgh/testing";
import type { PubSubAdapter, PubSubHost } from "../../src/contracts/pubsub-adapter.js";
import { SimurghError } from "../../src/runtime/errors.js";
import { systemParts } from "./pubsub-engines.js";

/** One way to break the contract. */
export type HubFault =
  | "loses"
  | "duplicates"
  | "reorders"
  | "delivers to self"
  | "ignores interest"
  | "answers subscribe early"
  | "keeps interest"
  | "truncates"
  | "reuses its buffer"
  | "treats topics as patterns"
  | "has no limit"
  | "hides a leaving"
  | "chokes on a second stop"
  | "stays healthy";

const payloadBytesMax = 1_048_576;

interface Member {
  readonly host: PubSubHost;
  readonly topics: Set<string>;
}

/** All nodes of a cluster in one process, joined by a hub in memory: right without a fault, wrong with one. */
class Hub {
  readonly members = new Set<Member>();
  readonly fault: HubFault | undefined;
  readonly #scratch = new Uint8Array(payloadBytesMax);
  #count = 0;
  readonly #delayed: (() => void)[] = [];

  constructor(fault: HubFault | undefined) {
    this.fault = fault;
  }

  publish(from: Member, topic: string, data: Uint8Array): void {
    for (const to of this.members) {
      if (to === from && this.fault !== "delivers to self") continue;
      if (!this.#wants(to, topic)) continue;
      this.#count += 1;
      this.#pass(to, topic, this.fault === "truncates" ? data.slice(0, 65_535) : data.slice());
    }
  }

  #wants(to: Member, topic: string): boolean {
    if (this.fault === "ignores interest" || to.topics.has(topic)) return true;
    return this.fault === "treats topics as patterns" && to.topics.has("*");
  }

  #pass(to: Member, topic: string, data: Uint8Array): void {
    const deliver = () => to.host.deliver(topic, data);
    const odd = this.#count % 97 === 0;
    if (this.fault === "loses" && odd) return;
    if (this.fault === "duplicates" && odd) deliver();
    if (this.fault === "reorders" && this.#count % 97 >= 94) {
      // Three in a row, then back to front.
      this.#delayed.unshift(deliver);
      if (this.#delayed.length === 3) for (const late of this.#delayed.splice(0)) late();
      return;
    }
    if (this.fault === "reuses its buffer") {
      this.#scratch.set(data);
      return to.host.deliver(topic, this.#scratch.subarray(0, data.length));
    }
    deliver();
  }
}

function hubAdapter(hub: Hub): PubSubAdapter {
  let member: Member | undefined;
  let stops = 0;
  const others = () => [...hub.members].filter((one) => one !== member);
  return {
    engine: "hub",
    async start(host) {
      member = { host, topics: new Set() };
      for (const { host: other } of hub.members) {
        other.changed({ type: "node_up", node: host.nodeName });
        host.changed({ type: "node_up", node: other.nodeName });
      }
      hub.members.add(member);
    },
    async stop() {
      stops += 1;
      if (stops > 1 && hub.fault === "chokes on a second stop") throw new Error("stopped twice");
      if (member === undefined) return;
      hub.members.delete(member);
      const node = member.host.nodeName;
      for (const { host } of hub.members) {
        if (hub.fault !== "hides a leaving") host.changed({ type: "node_down", node, reason: "left" });
      }
      member = undefined;
    },
    subscribe(topic) {
      const topics = member?.topics;
      if (hub.fault !== "answers subscribe early") topics?.add(topic);
      else setImmediate(() => topics?.add(topic));
      return undefined;
    },
    unsubscribe(topic) {
      if (hub.fault !== "keeps interest") member?.topics.delete(topic);
    },
    publish(topic, data) {
      if (data.length > payloadBytesMax && hub.fault !== "has no limit") {
        throw new SimurghError("payload_too_large", `${data.length} bytes`);
      }
      if (member !== undefined) hub.publish(member, topic, data);
    },
    nodes: () => (member === undefined ? [] : others().map(({ host }) => host.nodeName)),
    get healthy() {
      return member !== undefined || (stops > 0 && hub.fault === "stays healthy");
    },
    stats: () => ({ members: hub.members.size }),
  };
}

/** An engine in memory; with a fault it breaks the contract in that one way. */
export function hubEngine(fault?: HubFault): PubSubEngineUnderTest {
  return {
    ...systemParts,
    engine: "hub",
    missing: {},
    payloadBytes: payloadBytesMax,
    payloadTooLargeBytes: payloadBytesMax + 1,
    createCluster: async () => {
      const hub = new Hub(fault);
      return {
        createAdapter: () => hubAdapter(hub),
        introduce: async () => {},
        dispose: async () => {},
      };
    },
  };
}

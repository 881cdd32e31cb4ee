import type { Clock } from "../contracts/clock.js";
import type { Logger } from "../contracts/logger.js";
import type { PubSubAdapter, PubSubEvent } from "../contracts/pubsub-adapter.js";
import type { Random } from "../contracts/random.js";
import { check } from "./contract-case.js";

/**
 * several_nodes: nodes can reach each other. membership: `nodes()` and its events tell who is reachable.
 * payload_limit: there is a size that the engine refuses. health: `healthy` follows start and stop.
 */
export type PubSubCapability = "several_nodes" | "membership" | "payload_limit" | "health";

/** An engine, as the suite needs it. */
export interface PubSubEngineUnderTest {
  readonly engine: string;
  /** Capabilities that the engine has not, each with the reason. */
  readonly missing: Partial<Record<PubSubCapability, string>>;
  /** Data of this many bytes must be carried. */
  readonly payloadBytes: number;
  /** Data of this many bytes must be refused; of no meaning when `payload_limit` is missing. */
  readonly payloadTooLargeBytes: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Prepares a cluster that shares nothing with any other; nothing is started yet. */
  createCluster(): Promise<PubSubClusterUnderTest>;
}

/** One cluster of an engine. */
export interface PubSubClusterUnderTest {
  createAdapter(): PubSubAdapter;
  /** Called after each start: makes a node known to those that started before it. */
  introduce(adapter: PubSubAdapter, earlier: readonly PubSubAdapter[]): Promise<void>;
  dispose(): Promise<void>;
}

/** One message as it was delivered. */
export interface Delivery {
  readonly topic: string;
  readonly data: Uint8Array;
}

/** One node of a cluster under test, with everything that happened to it. */
export interface PubSubNode {
  readonly name: string;
  readonly adapter: PubSubAdapter;
  readonly deliveries: Delivery[];
  readonly events: PubSubEvent[];
  /** Subscribes, and waits for the promise if there is one. */
  subscribe(topic: string): Promise<void>;
  /** Publishes text. */
  say(topic: string, text: string): void;
  /** The texts delivered for `topic` so far. */
  heard(topic: string): string[];
}

/** What a case works with. */
export interface PubSubEnv {
  readonly engine: PubSubEngineUnderTest;
  /** Starts `size` nodes, and waits until each can reach each. */
  createCluster(size: number): Promise<PubSubCluster>;
  /** Waits for a condition; a breach that names `what` when it does not come true in time. */
  until(condition: () => boolean, what: string): Promise<void>;
  /** Lets everything run that is due now. */
  breathe(): Promise<void>;
  /** Stops every node that the case started. */
  dispose(): Promise<void>;
}

/** A running cluster. */
export interface PubSubCluster {
  readonly nodes: readonly PubSubNode[];
  /** Starts one more node. */
  join(): Promise<PubSubNode>;
}

const untilTimeoutMs = 20_000;
const pollMs = 2;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

function createNode(name: string, adapter: PubSubAdapter): PubSubNode {
  const deliveries: Delivery[] = [];
  return {
    name,
    adapter,
    deliveries,
    events: [],
    async subscribe(topic) {
      await adapter.subscribe(topic);
    },
    say: (topic, text) => adapter.publish(topic, encoder.encode(text)),
    heard: (topic) => deliveries.filter((one) => one.topic === topic).map(({ data }) => decoder.decode(data)),
  };
}

/** The environment of one run of one case. Dispose of it afterwards. */
export function createPubSubEnv(engine: PubSubEngineUnderTest): PubSubEnv {
  const { clock, logger, random } = engine;
  const clusters: { readonly nodes: PubSubNode[]; readonly under: PubSubClusterUnderTest }[] = [];
  const pause = (delayMs: number) => new Promise<void>((resolve) => void clock.after(delayMs, resolve));

  const until = async (condition: () => boolean, what: string) => {
    const deadlineMs = clock.monotonic() + untilTimeoutMs;
    while (!condition()) {
      check(clock.monotonic() < deadlineMs, `waited in vain: ${what}`);
      await pause(pollMs);
    }
  };

  const start = async (under: PubSubClusterUnderTest, nodes: PubSubNode[]) => {
    const node = createNode(`n${nodes.length + 1}@contract`, under.createAdapter());
    const earlier = nodes.map(({ adapter }) => adapter);
    nodes.push(node);
    await node.adapter.start({
      nodeName: node.name,
      clock,
      random,
      logger,
      deliver: (topic, data) => void node.deliveries.push({ topic, data }),
      changed: (event) => void node.events.push(event),
    });
    await under.introduce(node.adapter, earlier);
    if (engine.missing.membership !== undefined) return node;
    const complete = () => nodes.every(({ adapter }) => adapter.nodes().length === nodes.length - 1);
    await until(complete, `${nodes.length} nodes reach each other`);
    return node;
  };

  return {
    engine,
    until,
    breathe: () => pause(0),
    async createCluster(size) {
      const under = await engine.createCluster();
      const nodes: PubSubNode[] = [];
      clusters.push({ nodes, under });
      for (let i = 0; i < size; i++) await start(under, nodes);
      return { nodes, join: () => start(under, nodes) };
    },
    async dispose() {
      for (const { nodes, under } of clusters) {
        await Promise.all(nodes.map(({ adapter }) => adapter.stop()));
        await under.dispose();
      }
    },
  };
}

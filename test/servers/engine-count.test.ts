import { describe, expect, onTestFinished, test } from "vitest";
import type { PubSubAdapter } from "../../src/contracts/pubsub-adapter.js";
import { type MeshAdapter, mesh } from "../../src/edges/pubsub/mesh/mesh.js";
import { formatAddress } from "../../src/edges/pubsub/mesh/peer-address.js";
import { nats } from "../../src/edges/pubsub/nats/nats.js";
import { redis } from "../../src/edges/pubsub/redis/redis.js";
import { type Broker, startNats, startRedis } from "../support/brokers.js";
import { systemParts, testSecret } from "../support/pubsub-engines.js";
import { requireServer } from "../support/servers.js";
import { until } from "../support/wait.js";

const servers = { nats: requireServer("nats-server"), redis: requireServer("redis-server") };
const nodes = 5;
/** Messages of each node: 1,000,000 in all, which are 4,000,000 deliveries. */
const messages = 1_000_000 / nodes;
/** Much more than it takes: machines differ, and have other things to do. */
const testMsMax = 240_000;
const perTurn = 50;
/** Messages that a publisher may be ahead of the slowest receiver. */
const aheadMax = 5_000;
const topics = ["room:count", "room:count/2", "room:*"];

/** A node that checks what it gets as it comes: keeping a million messages to look at would be the test's own load. */
class Counter {
  readonly adapter: PubSubAdapter;
  readonly #next = new Map<string, number>();
  received = 0;
  wrong = 0;

  constructor(adapter: PubSubAdapter) {
    this.adapter = adapter;
  }

  start(node: number): Promise<void> {
    return this.adapter.start({
      ...systemParts,
      nodeName: `n${node}@count`,
      deliver: (topic, data) =>
        this.#check(topic, Buffer.from(data.buffer, data.byteOffset, data.byteLength)),
      changed: () => {},
    });
  }

  /** Each topic of each publisher counts for itself. */
  #check(topic: string, data: Buffer): void {
    const key = `${data[0]} ${topic}`;
    const expected = this.#next.get(key) ?? 0;
    if (data.readUInt32BE(1) !== expected) this.wrong += 1;
    this.#next.set(key, expected + 1);
    this.received += 1;
  }
}

/** Makes a node known to another one that has started. */
type Meet = (adapter: PubSubAdapter, earlier: PubSubAdapter) => void;

async function startAll(create: () => PubSubAdapter, meet: Meet): Promise<Counter[]> {
  const counters: Counter[] = [];
  for (let node = 0; node < nodes; node++) {
    const counter = new Counter(create());
    onTestFinished(() => counter.adapter.stop());
    await counter.start(node);
    for (const { adapter } of counters) meet(counter.adapter, adapter);
    counters.push(counter);
  }
  await until(
    () => counters.every(({ adapter }) => adapter.nodes().length === nodes - 1),
    "they know each other",
  );
  for (const { adapter } of counters) await Promise.all(topics.map((topic) => adapter.subscribe(topic)));
  return counters;
}

async function publishAll(counters: readonly Counter[]): Promise<void> {
  const slowest = () => Math.min(...counters.map(({ received }) => received / (nodes - 1)));
  for (let sent = 0; sent < messages; ) {
    await until(() => sent - slowest() < aheadMax, "the slowest follows", 30_000);
    const turnEnd = Math.min(messages, sent + perTurn);
    for (; sent < turnEnd; sent++) {
      for (const [node, { adapter }] of counters.entries()) {
        const data = Buffer.alloc(64, node);
        data.writeUInt32BE(Math.floor(sent / topics.length), 1);
        adapter.publish(topics[sent % topics.length] ?? "", data);
      }
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function count(create: () => PubSubAdapter, meet: Meet = () => {}): Promise<void> {
  const counters = await startAll(create, meet);
  await publishAll(counters);
  const expected = messages * (nodes - 1);
  await until(
    () => counters.every(({ received }) => received >= expected),
    `${expected} messages each`,
    30_000,
  );
  // A duplicate would be under way for no longer than this, since it is behind nothing.
  await new Promise((resolve) => setImmediate(resolve));
  expect(counters.map(({ received }) => received)).toEqual(Array(nodes).fill(expected));
  expect(counters.map(({ wrong }) => wrong)).toEqual(Array(nodes).fill(0));
}

describe("five nodes get every message of each other once and in order, a million in all, by", {
  timeout: testMsMax,
}, () => {
  test("the mesh", async () => {
    const meshes = new Map<PubSubAdapter, MeshAdapter>();
    const create = () => {
      const adapter = mesh({ secret: testSecret });
      meshes.set(adapter, adapter);
      return adapter;
    };
    await count(create, (adapter, earlier) => {
      const address = meshes.get(earlier)?.address;
      if (address !== undefined) meshes.get(adapter)?.connect(formatAddress(address));
    });
  });

  describe.skipIf(servers.nats.missing)("NATS", { timeout: testMsMax }, () => {
    test("one server", () =>
      onBroker(startNats(servers.nats), (port) => nats({ servers: `127.0.0.1:${port}` })));
  });

  describe.skipIf(servers.redis.missing)("Redis", { timeout: testMsMax }, () => {
    const url = (port: number) => `redis://127.0.0.1:${port}`;
    test("one server", () => onBroker(startRedis(servers.redis), (port) => redis({ url: url(port) })));
  });
});

async function onBroker(starting: Promise<Broker>, create: (port: number) => PubSubAdapter): Promise<void> {
  const broker = await starting;
  onTestFinished(() => broker.end());
  await count(() => create(broker.port));
}

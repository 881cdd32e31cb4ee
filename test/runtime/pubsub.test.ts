import { describe, expect, it } from "vitest";
import { Broadcast } from "../../src/runtime/broadcast.js";
import { SimurghError } from "../../src/runtime/errors.js";
import { PubSub, type Subscriber } from "../../src/runtime/pubsub.js";
import { ok } from "../../src/runtime/result.js";
import { socket } from "../../src/runtime/socket-definition.js";
import { FakeAdapter } from "../support/fake-adapter.js";
import { FakeClock } from "../support/fake-clock.js";
import { type FakeNode, heads, MemoryLogger, startNode, turn } from "../support/node.js";

async function setUp() {
  const adapter = new FakeAdapter();
  const logger = new MemoryLogger();
  const random = { fraction: () => 0, bytes: (length: number) => new Uint8Array(length) };
  const pubsub = new PubSub(adapter, { nodeName: "n1@test", clock: new FakeClock(), random, logger });
  await pubsub.start();
  return { adapter, logger, pubsub };
}

/** A subscriber that keeps the events it got. */
class Listener implements Subscriber {
  readonly events: string[] = [];
  receive(broadcast: Broadcast): void {
    this.events.push(broadcast.event);
  }
}

/** A promise, and the way to resolve it. */
function announcement(): { promise: Promise<void>; arrive: () => void } {
  let arrive: () => void = () => {};
  const promise = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  return { promise, arrive };
}

describe("interest in a topic", () => {
  it("is told to the engine with the first subscriber, and ended with the last", async () => {
    const { adapter, pubsub } = await setUp();
    const [one, two] = [new Listener(), new Listener()];
    pubsub.subscribe("t", one);
    pubsub.subscribe("t", one);
    pubsub.subscribe("t", two);
    pubsub.unsubscribe("t", one);
    pubsub.unsubscribe("t", one);
    pubsub.unsubscribe("u", two);
    expect([...adapter.subscribed]).toEqual(["t"]);
    pubsub.unsubscribe("t", two);
    expect(adapter.subscribed.size).toBe(0);
    expect(pubsub.stats().topics).toBe(0);
  });

  it.each(["at once", "later"])("that is announced %s stays until it is released", async (when) => {
    const { adapter, pubsub } = await setUp();
    const { promise, arrive } = announcement();
    if (when === "later") adapter.announcing = () => promise;
    const announced = pubsub.announce("t");
    expect(announced === undefined).toBe(when === "at once");
    expect(pubsub.announce("t") === undefined, "whoever comes meanwhile waits, too").toBe(when === "at once");
    arrive();
    await announced;
    pubsub.release("t");
    expect(adapter.subscribed.size).toBe(1);
    pubsub.release("t");
    expect(adapter.subscribed.size).toBe(0);
    expect(pubsub.stats().topics).toBe(0);
  });

  it("that is held outlives its subscribers, and that has subscribers outlives its holds", async () => {
    const { adapter, pubsub } = await setUp();
    const listener = new Listener();
    pubsub.announce("t");
    pubsub.subscribe("t", listener);
    pubsub.unsubscribe("t", listener);
    expect(adapter.subscribed.size).toBe(1);
    pubsub.subscribe("t", listener);
    pubsub.release("t");
    expect(adapter.subscribed.size).toBe(1);
    pubsub.unsubscribe("t", listener);
    expect(adapter.subscribed.size).toBe(0);
  });

  it("is announced anew after it had ended", async () => {
    const { adapter, pubsub } = await setUp();
    const { promise, arrive } = announcement();
    adapter.announcing = () => promise;
    const listener = new Listener();
    pubsub.subscribe("t", listener);
    pubsub.unsubscribe("t", listener);
    adapter.announcing = () => undefined;
    expect(pubsub.announce("t")).toBeUndefined();
    arrive();
    await turn();
    pubsub.release("t");
    expect(pubsub.stats().topics).toBe(0);
  });

  it("that the engine refuses leaves nothing behind", async () => {
    const { adapter, pubsub } = await setUp();
    adapter.announcing = () => {
      throw new Error("no");
    };
    expect(() => pubsub.announce("t")).toThrow("no");
    expect(() => pubsub.subscribe("t", new Listener())).toThrow("no");
    expect(pubsub.stats().topics).toBe(0);
  });
});

describe("a broadcast", () => {
  it("goes to the engine, and to all local subscribers but its sender", async () => {
    const { adapter, pubsub } = await setUp();
    const [one, two] = [new Listener(), new Listener()];
    pubsub.subscribe("t", one);
    pubsub.subscribe("t", two);
    pubsub.broadcast("t", "all", {});
    pubsub.broadcast("t", "others", {}, one);
    pubsub.localBroadcast("t", "here", {}, two);
    expect([one.events, two.events]).toEqual([
      ["all", "here"],
      ["all", "others"],
    ]);
    expect(adapter.published.map(({ topic }) => topic)).toEqual(["t", "t"]);
  });

  it("that the engine refuses throws in its sender, and nobody here gets it", async () => {
    const { adapter, pubsub } = await setUp();
    const listener = new Listener();
    pubsub.subscribe("t", listener);
    adapter.refusal = new SimurghError("payload_too_large", "no");
    expect(() => pubsub.broadcast("t", "big", {})).toThrow(adapter.refusal);
    expect(listener.events).toEqual([]);
  });

  it("that no client could be sent is refused before it goes anywhere", async () => {
    const { adapter, pubsub } = await setUp();
    const long = "x".repeat(256);
    const bytes = new Uint8Array(1);
    expect(() => pubsub.broadcast(long, "e", bytes)).toThrow(/^field_too_long/);
    expect(() => pubsub.broadcast("t", long, bytes)).toThrow(/^field_too_long/);
    expect(() => pubsub.broadcast("t", "x".repeat(70_000), {})).toThrow(/^field_too_long/);
    expect(adapter.published).toEqual([]);
  });

  it.each([
    ["an object", { a: [1, "ü", null] }],
    ["bytes", Uint8Array.of(0, 255)],
  ])("of %s comes out of another node as it went in", async (_what, payload) => {
    const { adapter, pubsub } = await setUp();
    const there = await setUp();
    const got: unknown[] = [];
    there.pubsub.subscribe("t", { receive: ({ event, payload }) => void got.push(event, payload) });
    pubsub.broadcast("t", "é", payload);
    for (const { topic, data } of adapter.published) there.adapter.host?.deliver(topic, data);
    expect(got[0]).toBe("é");
    expect(got[1]).toEqual(payload instanceof Uint8Array ? Buffer.from(payload) : payload);
  });

  it("from another node that is none is counted and logged, and one without subscribers is dropped", async () => {
    const { adapter, logger, pubsub } = await setUp();
    const listener = new Listener();
    pubsub.subscribe("t", listener);
    const broken = [[], [0], [0, 0, 9, 1], [7, 0, 0, 1]].map((bytes) => Uint8Array.from(bytes));
    for (const bytes of broken) adapter.host?.deliver("t", bytes);
    adapter.host?.deliver("unknown", Broadcast.of("unknown", "e", {}).encode());
    expect(listener.events).toEqual([]);
    expect(pubsub.stats().undecodable_messages).toBe(broken.length);
    expect(logger.at("warn")).toHaveLength(broken.length);
  });
});

describe("what the application does with a broadcast", () => {
  it("runs after the dispatch, in order, and a throw is logged and stops nobody", async () => {
    const { logger, pubsub } = await setUp();
    const log: string[] = [];
    const deferring = (name: string, work: () => void): Subscriber => ({
      receive: () => {
        log.push(`${name} gets it`);
        pubsub.afterDispatch(() => {
          log.push(`${name} acts`);
          work();
        });
      },
    });
    pubsub.subscribe(
      "t",
      deferring("one", () => {
        throw new Error("one failed");
      }),
    );
    pubsub.subscribe(
      "t",
      deferring("two", () => pubsub.broadcast("u", "e", {})),
    );
    pubsub.subscribe(
      "u",
      deferring("three", () => {}),
    );
    pubsub.broadcast("t", "e", {});
    expect(log).toEqual([
      "one gets it",
      "two gets it",
      "one acts",
      "two acts",
      "three gets it",
      "three acts",
    ]);
    expect(logger.at("error")).toEqual(["subscriber crashed"]);
  });

  it("is none of a broken subscriber's business: a receive that throws throws in the sender, and is forgotten", async () => {
    const { pubsub } = await setUp();
    const acted: string[] = [];
    const broken: Subscriber = {
      receive: () => {
        throw new Error("broken");
      },
    };
    pubsub.subscribe("t", broken);
    expect(() => pubsub.broadcast("t", "e", {})).toThrow("broken");
    pubsub.unsubscribe("t", broken);
    pubsub.subscribe("t", { receive: () => pubsub.afterDispatch(() => acted.push("acts")) });
    pubsub.broadcast("t", "e", {});
    expect(acted).toEqual(["acts"]);
  });
});

it("tells watchers of nodes and the engine, and survives those that throw", async () => {
  const { adapter, logger, pubsub } = await setUp();
  const seen: string[] = [];
  const end = pubsub.watch(() => {
    throw new Error("no");
  });
  pubsub.watch(({ type }) => void seen.push(type));
  adapter.host?.changed({ type: "node_up", node: "n2@test" });
  end();
  adapter.host?.changed({ type: "engine_down", reason: "gone" });
  expect(seen).toEqual(["node_up", "engine_down"]);
  expect(logger.at("error")).toEqual(["watcher crashed"]);
});

describe("a join with an engine that has to tell other nodes", () => {
  const users = socket();
  const room = users.channel({ join: () => ok(), in: { shout: (ch) => ch.broadcast("shout", {}) } });

  async function announcing(): Promise<{ node: FakeNode; arrive: () => void }> {
    const node = await startNode(users.routes({ "room:*": room }));
    const { promise, arrive } = announcement();
    node.adapter.announcing = () => promise;
    return { node, arrive };
  }

  it("is answered when they have heard; what they send from then on arrives", async () => {
    const { node, arrive } = await announcing();
    const client = await node.connect();
    expect(await client.join("room:1")).toEqual([]);
    arrive();
    await turn();
    node.adapter.host?.deliver("room:1", Broadcast.of("room:1", "far", {}).encode());
    expect(heads(await client.received())).toEqual(["1 1 room:1 phx_reply ok", "null null room:1 far"]);
  });

  it("leaves no topic behind when the client goes away meanwhile", async () => {
    const { node, arrive } = await announcing();
    const client = await node.connect();
    await client.join("room:1");
    client.hangUp();
    expect(node.core.pubsub.stats().topics).toBe(1);
    arrive();
    await turn();
    expect(node.core.pubsub.stats().topics).toBe(0);
    expect(node.adapter.subscribed.size).toBe(0);
  });

  it("leaves the topic to others who join it meanwhile", async () => {
    const { node, arrive } = await announcing();
    const [gone, stays] = [await node.connect(), await node.connect()];
    await gone.join("room:1");
    await stays.join("room:1");
    gone.hangUp();
    arrive();
    await turn();
    stays.send(["1", "2", "room:1", "shout", {}]);
    expect(heads(await stays.received())).toEqual(["1 1 room:1 phx_reply ok", "null null room:1 shout"]);
    expect(node.core.pubsub.stats().topics).toBe(1);
  });

  it("is a crashed join when the engine throws", async () => {
    const node = await startNode(users.routes({ "room:*": room }));
    node.adapter.announcing = () => {
      throw new Error("no");
    };
    const client = await node.connect();
    expect(heads(await client.join("room:1"))).toEqual(["1 1 room:1 phx_reply error"]);
    expect(node.core.pubsub.stats().topics).toBe(0);
    expect(node.core.counters.channels).toBe(0);
  });
});

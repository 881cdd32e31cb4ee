import { expect, onTestFinished, test } from "vitest";
import type { PubSubAdapter } from "../../src/contracts/pubsub-adapter.js";
import type { BrokerOptions } from "../../src/edges/pubsub/broker-options.js";
import { SimurghError } from "../../src/runtime/errors.js";
import type { Broker } from "./brokers.js";
import { type EngineNode, startEngineNode } from "./engine-node.js";
import { freePort } from "./http.js";
import { systemParts } from "./pubsub-engines.js";
import { until } from "./wait.js";

/** An engine with a broker, as its cases need it. */
export interface BrokerEngineUnderTest {
  startBroker(): Promise<Broker>;
  /** A broker that asks for the user `ada` with the password `lovelace`. */
  startLockedBroker(): Promise<Broker>;
  createAdapter(port: number, options?: BrokerOptions): PubSubAdapter;
  createAdapterWith(port: number, user: string, password: string): PubSubAdapter;
}

/** Sockets of this process. */
const openSockets = () => process.getActiveResourcesInfo().filter((one) => one === "TCPSocketWrap").length;

async function failure(work: Promise<unknown>): Promise<SimurghError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof SimurghError) return error;
  throw new Error(`it failed with ${String(error)}`);
}

/** What an engine must do when its broker fails. To be called within `describe`. */
export function brokerCases(engine: BrokerEngineUnderTest): void {
  const startBroker = async (locked = false) => {
    const broker = await (locked ? engine.startLockedBroker() : engine.startBroker());
    onTestFinished(() => broker.end());
    return broker;
  };
  const startPair = async (broker: Broker, options?: BrokerOptions): Promise<[EngineNode, EngineNode]> => {
    const a = await startEngineNode("a@test", engine.createAdapter(broker.port, options));
    const b = await startEngineNode("b@test", engine.createAdapter(broker.port, options));
    await until(() => a.adapter.nodes().length + b.adapter.nodes().length === 2, "they know each other");
    return [a, b];
  };
  const hears = async (from: EngineNode, to: EngineNode, topic: string, text: string) => {
    from.say(topic, text);
    await until(() => to.texts(topic).includes(text), `${to.name} hears ${text}`);
  };

  test("a broker that is killed and started again: told, nothing kept, all subscribed again", async () => {
    const broker = await startBroker();
    const [a, b] = await startPair(broker);
    await b.adapter.subscribe("room:old");
    await hears(a, b, "room:old", "before");
    await broker.kill();
    await until(() => !a.adapter.healthy && !b.adapter.healthy, "both notice");
    for (let i = 0; i < 50; i++) a.say("room:old", `lost ${i}`);
    await b.adapter.subscribe("room:new");
    b.adapter.unsubscribe("room:gone");
    expect([a.adapter.nodes(), a.stat("dropped_messages"), a.stat("link_up")]).toEqual([[], 50, 0]);
    await broker.restart();
    await until(() => a.adapter.healthy && b.adapter.healthy, "both are back");
    await hears(a, b, "room:old", "after");
    await hears(a, b, "room:new", "news");
    expect(b.texts("room:old")).toEqual(["before", "after"]);
    await until(
      () => a.adapter.nodes().length + b.adapter.nodes().length === 2,
      "they know each other again",
    );
    const expected = ["node_up", "engine_down", "node_down", "engine_up", "node_up"];
    expect([a.happened, b.happened]).toEqual([expected, expected]);
    expect([a.stat("links_lost"), a.stat("dropped_messages"), a.stat("queued_bytes") < 1_000_000]).toEqual([
      1,
      50,
      true,
    ]);
  });

  test("a broker that comes back is told of many topics, and each of them counts", async () => {
    const broker = await startBroker();
    const [a, b] = await startPair(broker);
    const topics = Array.from({ length: 12_000 }, (_, i) => `room:${i}`);
    await Promise.all(topics.map((topic) => b.adapter.subscribe(topic)));
    await broker.kill();
    await until(() => !a.adapter.healthy && !b.adapter.healthy, "both notice");
    await broker.restart();
    await until(() => a.adapter.healthy && b.adapter.healthy, "both are back", 40_000);
    for (const topic of topics) a.say(topic, "hello");
    await until(() => b.stat("messages_in") >= topics.length, "all are heard");
    expect([b.stat("messages_in"), b.stat("topics_local")]).toEqual([12_000, 12_000]);
    for (const topic of topics.slice(0, 20)) expect(b.texts(topic)).toEqual(["hello"]);
  });

  test("a broker that is frozen: noticed, its queue is bounded, and after the thaw messages flow", async () => {
    const broker = await startBroker();
    const limits = { messageBytesMax: 65_536, queueBytesMax: 1_048_576 };
    const [a, b] = await startPair(broker, { limits });
    await b.adapter.subscribe("room:cold");
    broker.freeze();
    const bytes = new Uint8Array(60_000);
    for (let i = 0; i < 500; i++) a.adapter.publish("room:cold", bytes);
    expect(a.stat("queued_bytes")).toBeLessThanOrEqual(limits.queueBytesMax);
    expect(a.stat("dropped_messages")).toBeGreaterThan(480);
    expect(a.lines.filter(({ message }) => message.includes("is slow"))).toHaveLength(1);
    await until(
      () => a.happened.includes("engine_down") && b.happened.includes("engine_down"),
      "both notice",
    );
    expect([a.adapter.healthy, a.stat("links_silent")]).toEqual([false, 1]);
    broker.thaw();
    await until(() => a.adapter.healthy && b.adapter.healthy, "both are back");
    await hears(a, b, "room:cold", "warm");
  });

  test("a broker that pauses for a moment: nothing is lost, nobody is alarmed", async () => {
    const broker = await startBroker();
    const [a, b] = await startPair(broker);
    await b.adapter.subscribe("room:pause");
    broker.freeze();
    const from = performance.now();
    let said = 0;
    await until(() => {
      a.say("room:pause", `${said++}`);
      return performance.now() - from > 700;
    }, "the pause");
    broker.thaw();
    await until(() => b.texts("room:pause").length === said, "all is heard");
    expect(b.texts("room:pause")).toEqual(Array.from({ length: said }, (_, i) => `${i}`));
    expect([a.happened, b.happened]).toEqual([["node_up"], ["node_up"]]);
  });

  test("no broker at the start: a clear error, in time, and nothing left behind", async () => {
    const port = await freePort();
    const sockets = openSockets();
    const adapter = engine.createAdapter(port, { timing: { startTimeoutMs: 300 } });
    const error = await failure(startEngineNode("a@test", adapter));
    expect(error.code).toBe("engine_unreachable");
    expect(error.message).toContain("ECONNREFUSED");
    expect([adapter.healthy, adapter.nodes()]).toEqual([false, []]);
    await until(() => openSockets() <= sockets, "its sockets are closed");
  });

  test("a frozen broker at the start: a clear error, in time, and nothing left behind", async () => {
    const broker = await startBroker();
    const sockets = openSockets();
    broker.freeze();
    const timing = { startTimeoutMs: 600, connectTimeoutMs: 200 };
    const error = await failure(startEngineNode("a@test", engine.createAdapter(broker.port, { timing })));
    expect(error.code).toBe("engine_unreachable");
    expect(error.message).toContain("no answer");
    await until(() => openSockets() <= sockets, "its sockets are closed");
  });

  test("a broker that comes while the node starts is waited for", async () => {
    const broker = await startBroker();
    await broker.kill();
    const starting = startEngineNode("a@test", engine.createAdapter(broker.port));
    await broker.restart();
    const node = await starting;
    expect([node.adapter.healthy, node.happened]).toEqual([true, []]);
  });

  test("wrong credentials: refused at once; the right ones are passed on", async () => {
    const broker = await startBroker(true);
    for (const [user, password] of [
      ["ada", "byron"],
      ["", ""],
    ] as const) {
      const adapter = engine.createAdapterWith(broker.port, user, password);
      const error = await failure(startEngineNode("a@test", adapter));
      expect(error.code).toBe("engine_refused");
      expect(error.message).not.toContain("byron");
    }
    const node = await startEngineNode("a@test", engine.createAdapterWith(broker.port, "ada", "lovelace"));
    expect(node.adapter.healthy).toBe(true);
  });

  test("stopping while the broker is frozen takes no longer than it may", async () => {
    const broker = await startBroker();
    const [a] = await startPair(broker, { timing: { stopTimeoutMs: 200 } });
    broker.freeze();
    a.say("room:late", "x".repeat(100_000));
    const from = performance.now();
    await a.adapter.stop();
    expect(performance.now() - from).toBeLessThan(1_500);
    expect(a.adapter.healthy).toBe(false);
  });

  test("stopping lets out what was published just before", async () => {
    const broker = await startBroker();
    const [a, b] = await startPair(broker);
    await b.adapter.subscribe("room:last");
    for (let i = 0; i < 1_000; i++) a.say("room:last", `${i}`);
    await a.adapter.stop();
    await until(() => b.texts("room:last").length === 1_000, "all of it arrives");
    await until(
      () => b.events.some((event) => event.type === "node_down" && event.reason === "left"),
      "it left",
    );
  });

  test("clusters with different prefixes share a broker and nothing else", async () => {
    const broker = await startBroker();
    const [a, b] = await startPair(broker, { prefix: "one" });
    const [, d] = await startPair(broker, { prefix: "two" });
    await Promise.all([b.adapter.subscribe("room:same"), d.adapter.subscribe("room:same")]);
    await hears(a, b, "room:same", "hello");
    expect([d.texts("room:same"), d.adapter.nodes()]).toEqual([[], ["a@test"]]);
  });

  test("two nodes with one name: told, once", async () => {
    const broker = await startBroker();
    const [a] = await startPair(broker, { timing: { announcePeriodMs: 50 } });
    await startEngineNode("a@test", engine.createAdapter(broker.port, { timing: { announcePeriodMs: 50 } }));
    await until(() => a.stat("duplicate_names") > 3, "it notices");
    expect(a.lines.filter(({ level }) => level === "error")).toHaveLength(1);
  });

  test("a node starts again after a stop, with what was subscribed in between", async () => {
    const broker = await startBroker();
    const [a, b] = await startPair(broker);
    await b.adapter.stop();
    await b.adapter.subscribe("room:again");
    const deliveries: string[] = [];
    await b.adapter.start({
      nodeName: "b@test",
      ...systemParts,
      deliver: (_topic, data) => void deliveries.push(new TextDecoder().decode(data)),
      changed: () => {},
    });
    a.say("room:again", "hello");
    await until(() => deliveries.length > 0, "it hears");
    expect(deliveries).toEqual(["hello"]);
  });
}

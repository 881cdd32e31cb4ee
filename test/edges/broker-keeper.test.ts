import { describe, expect, it } from "vitest";
import { SimurghError } from "../../src/runtime/errors.js";
import { brokerNode, turn } from "../support/broker-node.js";

const fault = (reason: string) => new SimurghError("engine_unreachable", reason);
const refusal = new SimurghError("engine_refused", "wrong password");
const start = (options = {}) => brokerNode({ announce: false, ...options }).started();

/** What becomes of a promise. */
const outcome = (work: Promise<unknown>) =>
  work.then(
    () => "done",
    (error: unknown) => (error instanceof SimurghError ? error.code : String(error)),
  );

describe("a node at its start", () => {
  it("tries again until the broker is there", async () => {
    const { start, driver, advance, engine } = brokerNode();
    driver.failure = fault("ECONNREFUSED");
    const started = outcome(start());
    await advance(700);
    expect([engine.healthy, driver.attempts]).toEqual([false, 4]);
    driver.failure = undefined;
    await advance(800);
    expect([await started, engine.healthy]).toEqual(["done", true]);
  });

  it("gives up when its time is over, and can be started again", async () => {
    const { start, driver, advance, clock } = brokerNode();
    driver.failure = fault("ECONNREFUSED");
    const started = outcome(start());
    await advance(10_000);
    expect([await started, clock.pending]).toEqual(["engine_unreachable", 0]);
    driver.failure = undefined;
    await start();
  });

  it("gives up at once when it is refused", async () => {
    const { start, driver } = brokerNode();
    driver.failure = refusal;
    expect([await outcome(start()), driver.attempts]).toEqual(["engine_refused", 1]);
  });

  it("does not take a broker that never confirms", async () => {
    const { start, driver, advance } = brokerNode();
    driver.prepare = (link) => {
      link.answers = false;
    };
    const started = outcome(start());
    await advance(20_000);
    expect(await started).toBe("engine_unreachable");
    expect(driver.links.every(({ destroyed }) => destroyed)).toBe(true);
  });

  it("can be stopped meanwhile, and leaves nothing behind", async () => {
    const { start, driver, engine, advance, clock } = brokerNode();
    driver.prepare = (link) => {
      link.answers = false;
    };
    const started = outcome(start());
    await turn();
    const stopped = engine.stop();
    driver.last.answer();
    await advance(1_000);
    await stopped;
    expect([await started, driver.last.destroyed, clock.pending]).toEqual(["engine_unreachable", true, 0]);
  });
});

describe("a node that has lost its broker", () => {
  it("tries again, later and later, for ever, and says each reason once", async () => {
    const { driver, advance, lines, happened, engine } = await start();
    driver.last.lose("killed");
    driver.failure = fault("ECONNREFUSED");
    await advance(100 + 200 + 400 + 800 + 1_600 + 2_000 + 2_000);
    expect(driver.attempts).toBe(8);
    driver.failure = refusal;
    await advance(10_000);
    expect(driver.attempts).toBe(13);
    expect(lines.map(({ message, fields }) => `${message}: ${fields.reason}`)).toEqual([
      "fake is lost, messages to other nodes are dropped: killed",
      "fake cannot be reached: engine_unreachable: ECONNREFUSED",
      "fake cannot be reached: engine_refused: wrong password",
    ]);
    driver.failure = undefined;
    await advance(2_000);
    expect([engine.healthy, happened()]).toEqual([true, ["engine_down", "engine_up"]]);
    expect(lines.at(-1)).toMatchObject({ message: "fake is back", fields: { broker: "fake:1" } });
  });

  it("drops what is published, and counts it", async () => {
    const { driver, engine, stat } = await start();
    driver.last.lose("killed");
    engine.publish("a", new Uint8Array(10));
    expect([stat("dropped_messages"), stat("dropped_bytes"), stat("messages_out")]).toEqual([1, 10, 0]);
  });

  it("is not up with a link that is lost while it is prepared", async () => {
    const { driver, engine, advance, happened } = await start();
    driver.last.lose("killed");
    driver.prepare = (link) => {
      link.answers = driver.links.length > 1;
      if (!link.answers) queueMicrotask(() => queueMicrotask(() => link.lose("killed again")));
    };
    await advance(100);
    expect([engine.healthy, driver.links.length, driver.last.destroyed]).toEqual([false, 2, true]);
    await advance(200);
    expect([engine.healthy, happened()]).toEqual([true, ["engine_down", "engine_up"]]);
  });
});

describe("a node whose broker is silent", () => {
  it("takes it for lost after the timeout", async () => {
    const { driver, engine, advance, stat } = await start();
    driver.last.answers = false;
    await advance(2_900);
    expect(engine.healthy).toBe(true);
    await advance(100);
    expect([driver.links[0]?.destroyed, stat("links_silent")]).toEqual([true, 1]);
  });

  it("does not when it stood still itself", async () => {
    const { driver, advance, clock, stat } = await start();
    driver.last.answers = false;
    await advance(1_000);
    clock.skip(60_000);
    await advance(0);
    expect(stat("links_silent")).toBe(0);
    driver.last.answer();
    await advance(5_000);
    expect(stat("links_silent")).toBe(1);
  });
});

describe("a node and its messages", () => {
  it("drops them while the broker is slow, says so once, and again when it was better", async () => {
    const limits = { messageBytesMax: 100, queueBytesMax: 1_000 };
    const { driver, engine, stat, lines, advance } = await start({ limits });
    driver.last.pendingBytes = 950;
    for (const size of [50, 51, 60]) engine.publish("a", new Uint8Array(size));
    expect([stat("messages_out"), stat("dropped_messages"), lines.length]).toEqual([1, 2, 1]);
    driver.last.pendingBytes = 0;
    await advance(1_000);
    driver.last.pendingBytes = 1_000;
    engine.publish("a", new Uint8Array(1));
    expect(lines).toHaveLength(2);
  });

  it("refuses what its own limit or the broker's does not allow", async () => {
    const { driver, engine, advance } = await start({ limits: { messageBytesMax: 100 } });
    const publish = (size: number) => () => engine.publish("a", new Uint8Array(size));
    const tooLarge = expect.objectContaining({ code: "payload_too_large" });
    expect(publish(100)).not.toThrow();
    expect(publish(101)).toThrow(tooLarge);
    driver.last.messageBytesMax = 50;
    await advance(1_000);
    expect(publish(51)).toThrow(tooLarge);
    driver.last.lose("killed");
    expect(publish(51), "the last limit holds while the broker is away").toThrow(tooLarge);
  });

  it("hands over those of subscribed topics, whatever the receiver throws", async () => {
    const node = await start();
    const { driver, engine, stat, deliveries } = node;
    await engine.subscribe("a");
    node.trouble = new Error("receiver");
    driver.last.deliver("simurgh.t.a", Buffer.from("one"));
    node.trouble = undefined;
    driver.last.deliver("simurgh.t.a", Buffer.from("two"));
    driver.last.deliver("simurgh.t.b", Buffer.from("three"));
    expect(deliveries).toEqual([{ topic: "a", text: "two" }]);
    expect([stat("deliver_errors"), stat("messages_unwanted")]).toEqual([1, 1]);
  });

  it("does not hear those that it published, at a broker that sends them back", async () => {
    const node = brokerNode({ announce: false });
    node.driver.echoes = true;
    await node.start();
    await node.engine.subscribe("a");
    node.engine.publish("a", Buffer.from("own"));
    const [own] = node.driver.last.published;
    node.driver.last.deliver("simurgh.t.a", own?.data ?? new Uint8Array());
    node.driver.last.deliver("simurgh.t.a", Buffer.from("12345678other"));
    node.driver.last.deliver("simurgh.t.a", Buffer.from("short"));
    expect(node.deliveries).toEqual([{ topic: "a", text: "other" }]);
    expect([node.stat("messages_echoed"), node.stat("messages_malformed")]).toEqual([1, 1]);
  });

  it("lets them out before it ends, but does not wait for ever", async () => {
    const { driver, engine, advance, clock } = await start();
    driver.last.answers = false;
    engine.publish("a", new Uint8Array(1));
    const stopped = engine.stop();
    await turn();
    expect(driver.last.destroyed).toBe(false);
    await advance(1_000);
    await stopped;
    expect([driver.last.destroyed, clock.pending]).toEqual([true, 0]);
  });
});

import { describe, expect, it } from "vitest";
import type { SignalValues } from "../../src/core/autoscale/signal.js";
import { socket } from "../../src/index.js";
import { EndpointCore } from "../../src/runtime/endpoint.js";
import { decodeStatus } from "../../src/runtime/fleet/status-message.js";
import { FakeClock } from "../support/fake-clock.js";
import { FakeLan } from "../support/fake-lan.js";
import { MemoryLogger, turn } from "../support/node.js";

const sockets = { "/socket": socket().routes({}) };

/** Nodes `n1`, `n2` … on one network and one clock. */
async function startFleet(size: number) {
  const lan = new FakeLan();
  const clock = new FakeClock();
  const busy = new Map<string, number>();
  const logger = new MemoryLogger();
  const nodes: EndpointCore[] = [];
  for (let at = 1; at <= size; at++) {
    const name = `n${at}@test`;
    const node = new EndpointCore({
      name,
      host: undefined,
      sockets,
      adapter: lan.adapter(),
      drain: { noticeMs: 0, clientsPerSecond: 10, timeoutMs: 3_600_000 },
      fleet: { vitals: { eventLoop: () => busy.get(name) ?? 0, rssBytes: () => 1_000_000 } },
      signerFor: undefined,
      clock,
      random: { fraction: () => 0, bytes: (length) => new Uint8Array(length) },
      logger,
    });
    await node.start();
    nodes.push(node);
  }
  const [first, second] = nodes;
  if (first === undefined || second === undefined) throw new Error("a fleet has two nodes at least");
  return { lan, clock, busy, logger, nodes, first, second };
}

const names = (node: EndpointCore) => node.statuses?.all().map(({ name }) => name);
const valuesOf = (node: EndpointCore, name: string): SignalValues | undefined =>
  node.statuses?.all().find((one) => one.name === name)?.values;

describe("the nodes of a fleet", () => {
  it("know each other within a period", async () => {
    const { clock, nodes } = await startFleet(3);
    await clock.advance(1_000, turn);
    for (const node of nodes) expect(names(node)).toEqual(["n1@test", "n2@test", "n3@test"]);
  });

  it("tell what they hold and how busy they are", async () => {
    const { clock, busy, first } = await startFleet(2);
    busy.set("n2@test", 0.5);
    await clock.advance(1_000, turn);
    expect(valuesOf(first, "n2@test")).toMatchObject({
      connections: 0,
      queuedBytes: 0,
      eventLoop: 0.5,
      rssBytes: 1_000_000,
    });
  });

  it("measure the way to each other", async () => {
    const { clock, first } = await startFleet(2);
    await clock.advance(3_000, turn);
    expect(valuesOf(first, "n1@test")?.publishLagMs, "this network takes no time").toBe(0);
  });

  it("tell at once that they drain, and that they do not any more", async () => {
    const { first, second } = await startFleet(2);
    const stage = () => first.statuses?.all().find(({ name }) => name === "n2@test")?.stage;
    void second.drain();
    expect(stage()).toBe("draining");
    second.cancelDrain();
    expect(stage()).toBe("ready");
  });

  it("forget one that the engine reports as gone, and one that fell silent", async () => {
    const { lan, clock, first } = await startFleet(3);
    await clock.advance(1_000, turn);
    lan.crash("n2@test");
    expect(names(first)).toEqual(["n1@test", "n3@test"]);
    lan.cut("n1@test", "n3@test", true);
    await clock.advance(9_000, turn);
    expect(names(first)).toEqual(["n1@test", "n3@test"]);
    expect(first.statuses?.welcoming().map(({ name }) => name)).toEqual(["n1@test"]);
    await clock.advance(3_000, turn);
    expect(names(first)).toEqual(["n1@test"]);
  });

  it("agree on who leads: the first that is ready", async () => {
    const { lan, clock, nodes, first } = await startFleet(3);
    await clock.advance(1_000, turn);
    const leaders = () => nodes.slice(1).map((node) => node.statuses?.leader());
    expect(leaders()).toEqual(["n1@test", "n1@test"]);
    void first.drain();
    expect(leaders()).toEqual(["n2@test", "n2@test"]);
    first.cancelDrain();
    lan.crash("n1@test");
    expect(leaders()).toEqual(["n2@test", "n2@test"]);
  });

  it("pass over what is no status, and say so", async () => {
    const { first, logger, second } = await startFleet(2);
    first.pubsub.broadcast("phx_fleet:status", "status", Buffer.from("nonsense"));
    first.pubsub.broadcast("phx_fleet:status", "status", {});
    expect(second.statuses?.faults).toBe(2);
    expect(logger.at("warn")).toContain("message on the status topic is no status");
  });
});

describe("reading a status", () => {
  const good = { name: "a", seq: 1, stage: "ready", values: {}, connectsTotal: 0, heard: {} };
  it.each([
    ["no JSON", "{"],
    ["no object", "[]"],
    ["a stage that is none", JSON.stringify({ ...good, stage: "dead" })],
    ["a negative count", JSON.stringify({ ...good, connectsTotal: -1 })],
    ["no name", JSON.stringify({ ...good, name: 7 })],
    ["no values", JSON.stringify({ ...good, values: null })],
  ])("refuses %s", (_what, text) => {
    expect(decodeStatus(Buffer.from(text))).toBeUndefined();
  });

  it("leaves out values that are no numbers and answers that are none", () => {
    const text = JSON.stringify({
      ...good,
      values: { connections: "9", eventLoop: 0.5, secret: 1 },
      heard: { b: [1, 2], c: [1, -1], d: "x" },
    });
    const read = decodeStatus(Buffer.from(text));
    expect(read?.values).toEqual({ eventLoop: 0.5 });
    expect({ ...read?.heard }).toEqual({ b: [1, 2] });
  });
});

describe("the pace of a drain", () => {
  it("follows how busy the others are", async () => {
    const { clock, busy, second } = await startFleet(2);
    const sent: number[] = [];
    let open = 400;
    const mount = second.mounts[0];
    if (mount === undefined) throw new Error("the node has a socket");
    const close = () => {
      open -= 1;
    };
    const session = () => ({ queuedBytes: 0, ended: false, close });
    // A stand-in for four hundred sessions: the drain only closes them.
    Object.defineProperty(mount, "sessions", { get: () => Array.from({ length: open }, session) });
    await clock.advance(1_000, turn);
    void second.drain();
    for (let passed = 0; passed < 6; passed++) {
      busy.set("n1@test", passed < 3 ? 0.1 : 0.99);
      const before = open;
      await clock.advance(1_000, turn);
      sent.push(before - open);
    }
    expect(sent[2]).toBeGreaterThan(3 * (sent[0] ?? 0));
    expect(sent[5]).toBeLessThan(sent[3] ?? 0);
  });
});

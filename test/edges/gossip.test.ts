import { describe, expect, onTestFinished, test } from "vitest";
import type { DiscoveryHost, Sighting } from "../../src/contracts/discovery.js";
import { gossip } from "../../src/edges/discovery/gossip/gossip.js";
import {
  decodeMessage,
  encodeMessage,
  isReachable,
  type Message,
} from "../../src/edges/discovery/gossip/message.js";
import type { GossipOptions } from "../../src/edges/discovery/gossip/options.js";
import { PacketCodec, packetBytesMax } from "../../src/edges/discovery/gossip/packet.js";
import { markOf, Roster } from "../../src/edges/discovery/gossip/roster.js";
import { keepingLogger, type LogLine } from "../support/mesh-node.js";
import { systemParts, testSecret } from "../support/pubsub-engines.js";
import { freeUdpPort, gossipTap } from "../support/udp.js";
import { until } from "../support/wait.js";

const timing = { periodMs: 40, answerMs: 5, expiryMs: 60_000 };

/** Starts gossip on loopback; it is stopped with the test. */
async function startGossip(name: string, options: GossipOptions, host: Partial<DiscoveryHost> = {}) {
  const strategy = gossip({ timing, ...options });
  const lines: LogLine[] = [];
  let seen: readonly Sighting[] = [];
  onTestFinished(() => strategy.stop());
  await strategy.start({
    ...systemParts,
    logger: keepingLogger(lines),
    nodeName: name,
    address: { host: "127.0.0.1", port: 7000 + Number(name.slice(1)) },
    secrets: [testSecret],
    view: (sightings) => {
      seen = sightings;
    },
    failed: () => {},
    ...host,
  });
  const names = () => seen.map((one) => one.name).toSorted();
  return {
    strategy,
    lines,
    names,
    stat: (key: string) => strategy.stats()[key] ?? Number.NaN,
    untilSees: (...wanted: string[]) =>
      until(() => JSON.stringify(names()) === JSON.stringify(wanted), `${name} sees ${wanted.join()}`),
  };
}

const refusals = (lines: readonly LogLine[]) =>
  lines.filter(({ message }) => message === "gossip packet refused").map(({ fields }) => fields.reason);

const message = (over: Partial<Message> = {}): Message => ({
  leaving: false,
  port: 7_100,
  name: "n9",
  host: "127.0.0.1",
  marks: [],
  ...over,
});

const lifeOf = (byte: number) => Buffer.alloc(16, byte);

describe("gossip", () => {
  test("finds five nodes on one port, and a sixth later", async () => {
    const port = await freeUdpPort();
    const names = ["n1", "n2", "n3", "n4", "n5"];
    const nodes = await Promise.all(names.map((name) => startGossip(name, { port })));
    await Promise.all(nodes.map((node, i) => node.untilSees(...names.toSpliced(i, 1))));
    const sixth = await startGossip("n6", { port });
    await Promise.all([sixth.untilSees(...names), nodes[0]?.untilSees("n2", "n3", "n4", "n5", "n6")]);
    expect(nodes.flatMap(({ lines }) => refusals(lines))).toEqual([]);
  });

  test("drops who leaves at once, and who falls silent after expiryMs", async () => {
    const port = await freeUdpPort();
    const short = { port, timing: { ...timing, expiryMs: 300 } };
    const stays = await startGossip("n1", short);
    const leaves = await startGossip("n2", { port });
    await stays.untilSees("n2");
    await leaves.strategy.stop();
    await stays.untilSees();
    // A life that speaks a few times and then no more.
    const tap = await gossipTap(port);
    const silent = new PacketCodec([testSecret], lifeOf(7));
    const marks = await ownMark(tap.heard, [testSecret]);
    await tap.say(silent.seal(encodeMessage(message({ marks }))));
    await stays.untilSees("n9");
    await stays.untilSees();
  });

  test("sees another life when a node is started again at its address", async () => {
    const port = await freeUdpPort();
    const lives: (string | undefined)[] = [];
    await startGossip("n1", { port }, { view: (all) => void lives.push(...all.map(({ life }) => life)) });
    const second = await startGossip("n2", { port });
    await until(() => lives.length > 0, "the first life");
    await second.strategy.stop();
    await startGossip("n2", { port });
    await until(() => new Set(lives).size === 2, "the second life");
  });

  test("keeps clusters with different secrets apart, and secrets in rotation together", async () => {
    const port = await freeUdpPort();
    const [old, next] = ["the old secret of the cluster", "the next secret of the cluster"];
    const a = await startGossip("n1", { port, secret: [old, next] });
    const b = await startGossip("n2", { port, secret: [next, old] });
    const stranger = await startGossip("n3", { port, secret: "the secret of somebody else" });
    await Promise.all([a.untilSees("n2"), b.untilSees("n1")]);
    await until(
      () => a.stat("packets_forged") >= 3 && stranger.stat("packets_forged") >= 3,
      "strangers meet",
    );
    expect([a.names(), b.names(), stranger.names()]).toEqual([["n2"], ["n1"], []]);
    expect(refusals(a.lines)).toEqual(["it is not sealed with the secret of this cluster"]);
  });

  test("does not mind a clock that is an hour off", async () => {
    const port = await freeUdpPort();
    const late = { ...systemParts.clock, now: () => systemParts.clock.now() - 3_600_000 };
    const [a, b] = [await startGossip("n1", { port }), await startGossip("n2", { port }, { clock: late })];
    await Promise.all([a.untilSees("n2"), b.untilSees("n1")]);
  });

  test("refuses an interface that this machine has not, and a port that cannot be bound", async () => {
    const port = await freeUdpPort();
    const start = startGossip("n1", { port, interface: "203.0.113.7" });
    await expect(start).rejects.toMatchObject({ code: "discovery_start_failed" });
  });

  test.each<[string, GossipOptions]>([
    ["port", { port: 0 }],
    ["port", { port: 70_000 }],
    ["multicast", { multicast: "10.0.0.1" }],
    ["broadcast", { broadcast: "everywhere" }],
    ["interface", { interface: "eth0" }],
    ["secret", { secret: "short" }],
    ["secret", { secret: [] }],
    ["ttl", { ttl: 256 }],
    ["advertise", { advertise: "a host" }],
    ["broadcast", { multicast: false }],
    ["periodMs", { timing: { periodMs: 0 } }],
    ["nodesMax", { limits: { nodesMax: -1 } }],
  ])("refuses an option that cannot work: %s in %j", (name, options) => {
    expect(() => gossip(options)).toThrow(
      expect.objectContaining({ code: "discovery_config_invalid", message: expect.stringContaining(name) }),
    );
  });
});

/** The mark of the one node that speaks there. */
async function ownMark(heard: readonly Buffer[], secrets: readonly string[]): Promise<string[]> {
  const reader = new PacketCodec(secrets, lifeOf(0));
  return until(() => {
    const opened = heard.map((packet) => reader.open(packet)).find((one) => typeof one !== "string");
    return opened && typeof opened !== "string" ? [markOf(opened.life)] : undefined;
  }, "the node speaks");
}

describe("bad packets are refused, counted each time, logged once, and gossip goes on", () => {
  const sealed = (secret: string) => new PacketCodec([secret], lifeOf(9)).seal(encodeMessage(message()));
  const flipped = (at: number) => {
    const packet = sealed(testSecret);
    packet[at] = (packet[at] ?? 0) ^ 1;
    return packet;
  };
  const cases: readonly [string, string, Uint8Array][] = [
    ["noise", "packets_garbage", Buffer.from("heartbeat::not ours")],
    ["nothing", "packets_garbage", Buffer.alloc(0)],
    ["what is too large", "packets_oversize", Buffer.alloc(packetBytesMax + 1)],
    ["another version", "packets_version", flipped(4)],
    [
      "an unknown kind",
      "packets_garbage",
      Buffer.concat([sealed(testSecret).subarray(0, 5), Buffer.alloc(60, 9)]),
    ],
    ["a plain one", "packets_plain", new PacketCodec([], lifeOf(9)).seal(encodeMessage(message()))],
    ["a wrong secret", "packets_forged", sealed("the secret of somebody else")],
    ["another life", "packets_forged", flipped(7)],
    ["another counter", "packets_forged", flipped(27)],
    ["a changed body", "packets_forged", flipped(30)],
    ["a changed seal", "packets_forged", flipped(sealed(testSecret).length - 1)],
    ["a cut one", "packets_forged", sealed(testSecret).subarray(0, 40)],
    [
      "a sealed one with nonsense in it",
      "packets_garbage",
      new PacketCodec([testSecret], lifeOf(9)).seal(Buffer.alloc(9)),
    ],
  ];

  test.each(cases)("%s: %s", async (_what, counter, packet) => {
    const port = await freeUdpPort();
    const node = await startGossip("n1", { port });
    const tap = await gossipTap(port);
    for (let i = 0; i < 5; i++) await tap.say(packet);
    await until(() => node.stat(counter) === 5, `${counter} is 5`);
    expect(refusals(node.lines)).toHaveLength(1);
    await startGossip("n2", { port });
    await node.untilSees("n2");
  });

  test("a replayed packet", async () => {
    const port = await freeUdpPort();
    const node = await startGossip("n1", { port });
    const tap = await gossipTap(port);
    const other = await startGossip("n2", { port });
    await node.untilSees("n2");
    await other.strategy.stop();
    await node.untilSees();
    for (const packet of [...tap.heard]) await tap.say(packet);
    await until(() => node.stat("packets_replayed") >= 2, "the recording is refused");
    expect(refusals(node.lines)).toEqual(["it was sent before"]);
    expect(node.names()).toEqual([]);
  });

  test("a recording from before the node's start: nobody in it is seen", async () => {
    const port = await freeUdpPort();
    const tap = await gossipTap(port);
    const first = await startGossip("n1", { port });
    const second = await startGossip("n2", { port });
    await Promise.all([first.untilSees("n2"), second.untilSees("n1")]);
    await Promise.all([first.strategy.stop(), second.strategy.stop()]);
    const recording = tap.heard.splice(0);
    const later = await startGossip("n3", { port });
    for (const packet of recording) await tap.say(packet);
    await until(
      () => later.stat("packets_in") + later.stat("packets_replayed") >= recording.length,
      "it came",
    );
    expect(later.names()).toEqual([]);
    await startGossip("n4", { port });
    await later.untilSees("n4");
  });

  test("a flood: it is dropped unread", async () => {
    const port = await freeUdpPort();
    const node = await startGossip("n1", { port, limits: { packetsPerSecondMax: 50 } });
    const tap = await gossipTap(port);
    for (let i = 0; i < 200; i++) await tap.say(Buffer.from("noise"));
    await until(() => node.stat("packets_flooded") > 50, "packets are dropped");
    const words = "gossip drops packets unread: too many in a second";
    expect(node.lines.filter((line) => line.message === words)).toHaveLength(1);
    await startGossip("n2", { port });
    await node.untilSees("n2");
  });

  test("more nodes than its limit", async () => {
    const port = await freeUdpPort();
    const node = await startGossip("n1", { port, limits: { nodesMax: 1 } });
    const tap = await gossipTap(port);
    const marks = await ownMark(tap.heard, [testSecret]);
    const more = (byte: number) =>
      new PacketCodec([testSecret], lifeOf(byte)).seal(encodeMessage(message({ marks })));
    await tap.say(more(1));
    await tap.say(more(2));
    await until(() => node.stat("nodes_over_limit") === 1, "the second is over the limit");
    expect(node.names()).toEqual(["n9"]);
  });
});

describe("a message", () => {
  test("is read as it was written, whatever is appended, and its packet is bounded", () => {
    const marks = Array.from({ length: 64 }, (_, i) => i.toString(16).padStart(16, "0"));
    const largest = message({ name: "ä".repeat(127), host: "f".repeat(0), marks });
    const body = encodeMessage(largest);
    expect(decodeMessage(Buffer.concat([body, Buffer.from("later")]))).toEqual(largest);
    expect(new PacketCodec([testSecret], lifeOf(1)).seal(body).length).toBeLessThan(packetBytesMax);
  });

  test("is refused at every length at which it is cut, and never throws", () => {
    const body = encodeMessage(message({ marks: ["0011223344556677"] }));
    for (let length = 0; length < body.length; length++) {
      expect(decodeMessage(body.subarray(0, length))).toBeUndefined();
    }
    for (const over of [{ port: 0 }, { name: "" }, { name: "a b" }, { host: "a host" }, { host: "::1::2" }]) {
      expect(decodeMessage(encodeMessage(message(over)))).toBeUndefined();
    }
  });
});

test.each([
  ["127.0.0.1", "10.0.0.2", "10.0.0.1", false],
  ["::1", "10.0.0.2", "10.0.0.1", false],
  ["127.0.0.1", "127.0.0.1", "10.0.0.1", true],
  ["127.0.0.1", "10.0.0.1", "10.0.0.1", true],
  ["10.0.0.2", "10.0.0.2", "10.0.0.1", true],
])("that %s, heard from %s, can be dialled by %s: %s", (host, from, own, reachable) => {
  expect(isReachable(host, from, own)).toBe(reachable);
});

describe("the roster", () => {
  const life = (n: number) => n.toString(16).padStart(16, "0").padEnd(32, "0");
  const hearer = (nodesMax = 1_000) => new Roster("f".repeat(32), nodesMax);

  test("mentions everybody in turn, newcomers first, 64 in a packet", () => {
    const roster = hearer();
    for (let n = 1; n <= 200; n++) roster.hear(life(n), 1, message({ port: n }), "10.0.0.1", 0);
    const mentioned = new Set<string>();
    let packets = 0;
    while (roster.owesMention) {
      const marks = roster.mention();
      expect(marks.length).toBeLessThanOrEqual(64);
      for (const mark of marks) mentioned.add(mark);
      packets += 1;
    }
    expect([packets, mentioned.size, roster.size, roster.unconfirmed]).toEqual([4, 200, 200, 200]);
  });

  test("takes a counter once, also from who has expired meanwhile", () => {
    const roster = hearer();
    const said = message({ marks: [markOf("f".repeat(32))] });
    expect(roster.hear(life(1), 5, said, "10.0.0.1", 0)).toBe("news");
    expect(roster.hear(life(1), 5, said, "10.0.0.1", 0)).toBe("replayed");
    expect(roster.expire(1)).toBe(true);
    expect(roster.hear(life(1), 4, said, "10.0.0.1", 2)).toBe("replayed");
    expect(roster.hear(life(1), 6, said, "10.0.0.1", 2)).toBe("news");
  });
});

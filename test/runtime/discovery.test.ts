import { describe, expect, test } from "vitest";
import type { Sighting } from "../../src/contracts/discovery.js";
import { formatHostPort } from "../../src/core/cluster/peer-text.js";
import { DiscoveryCoordinator } from "../../src/runtime/discovery/coordinator.js";
import type {
  DiscoveryEvent,
  DiscoveryLimits,
  PeerState,
  Topology,
} from "../../src/runtime/discovery/topology.js";
import { FakeClock } from "../support/fake-clock.js";
import { FakeDiscovery, sighting } from "../support/fake-discovery.js";
import { MemoryLogger } from "../support/node.js";

/** A coordinator over a scripted engine and a driven clock. */
async function coordinate(
  topologies: readonly (Topology | FakeDiscovery)[],
  limits: Partial<DiscoveryLimits> = {},
) {
  const clock = new FakeClock();
  const logger = new MemoryLogger();
  const calls: string[] = [];
  const states = new Map<string, PeerState>();
  const events: DiscoveryEvent[] = [];
  const note = (what: string) => (peer: Sighting) =>
    void calls.push(`${what} ${formatHostPort(peer.address)}`);
  const engine = { connect: note("connect"), disconnect: note("forget"), list: () => states };
  const discovery = new DiscoveryCoordinator(topologies, engine, limits);
  discovery.listen((event) => events.push(event));
  const random = { fraction: () => 0.5, bytes: (length: number) => new Uint8Array(length) };
  const address = { host: "10.0.0.9", port: 7000 };
  const surroundings = { nodeName: "me@10.0.0.9", address, secrets: [], clock, random, logger };
  await discovery.start(surroundings);
  /** The calls since the last time. */
  const since = () => calls.splice(0);
  return { clock, logger, discovery, states, events, since, surroundings };
}

const looked = 20;
const [one, two] = ["10.0.0.1:7000", "10.0.0.2:7000"];

describe("whom a topology finds", () => {
  test("is connected once, when the address newly appears", async () => {
    const found = new FakeDiscovery();
    found.found = [one];
    const { clock, since } = await coordinate([found]);
    await clock.advance(5_000);
    expect(since()).toEqual([`connect ${one}`]);
    found.found = [one, two];
    await clock.advance(looked);
    expect(since()).toEqual([`connect ${two}`]);
  });

  test("is not this node: neither by its name nor by its address", async () => {
    const found = new FakeDiscovery();
    found.found = ["10.0.0.9:7000", "me@10.0.0.9@172.16.0.1:7000", one];
    const { clock, since } = await coordinate([found]);
    await clock.advance(looked);
    expect(since()).toEqual([`connect ${one}`]);
  });

  test("is another node of the same name, if it shows a life of its own: the handshake is to refuse it", async () => {
    const found = new FakeDiscovery();
    const { since } = await coordinate([found]);
    found.host?.view([
      sighting("me@10.0.0.9@10.0.0.8:7000", "another"),
      sighting("me@10.0.0.9@10.0.0.9:7000", "own"),
    ]);
    expect(since()).toEqual(["connect 10.0.0.8:7000"]);
  });

  test("is at most as many as peersMax; the others are counted", async () => {
    const found = new FakeDiscovery();
    found.found = [one, two];
    const { discovery, since } = await coordinate([found], { peersMax: 1 });
    expect(since()).toEqual([`connect ${one}`]);
    expect(discovery.stats()).toMatchObject({ discovery_peers: 1, discovery_peers_over_limit: 1 });
  });

  test("is connected again when another life or another name is seen at its address", async () => {
    const found = new FakeDiscovery();
    const { since } = await coordinate([found]);
    const see = (...sightings: Sighting[]) => found.host?.view(sightings);
    see(sighting("n1@10.0.0.1:7000", "a"));
    see(sighting("n1@10.0.0.1:7000", "a"));
    expect(since()).toEqual([`connect ${one}`]);
    see(sighting("n1@10.0.0.1:7000", "b"));
    see(sighting("n2@10.0.0.1:7000"));
    expect(since()).toEqual([`connect ${one}`, `connect ${one}`]);
  });
});

describe("a flapping answer", () => {
  test.each([
    ["is empty", [] as string[]],
    ["fails", new Error("no answer")],
  ])("that %s disconnects nobody whose link lives, however long", async (_what, nothing) => {
    const found = new FakeDiscovery();
    found.found = [one, two];
    const { clock, states, since } = await coordinate([found]);
    states.set(one, "linked").set(two, "linked");
    since();
    found.found = nothing;
    await clock.advance(600_000);
    found.found = [one, two];
    await clock.advance(looked);
    expect(since()).toEqual([]);
  });

  test("that is empty forgets nobody at once, even when the link is dead, and needs no new connect", async () => {
    const found = new FakeDiscovery();
    found.found = [one];
    const { clock, since } = await coordinate([found]);
    since();
    for (let i = 0; i < 10; i++) {
      found.found = [];
      await clock.advance(20_000);
      found.found = [one];
      await clock.advance(looked);
    }
    expect(since()).toEqual([]);
  });

  test("that fails forgets nobody, though the link is dead", async () => {
    const found = new FakeDiscovery();
    found.found = [one];
    const { clock, since } = await coordinate([found]);
    since();
    found.found = new Error("no answer");
    await clock.advance(600_000);
    expect(since()).toEqual([]);
  });

  test("is one line and one event when it begins to fail, and one when it works again", async () => {
    const found = new FakeDiscovery();
    const { clock, logger, discovery, events } = await coordinate([found]);
    found.found = new Error("no answer");
    await clock.advance(1_000);
    expect(discovery.list()).toMatchObject([{ name: "fake", kind: "fake", failing: "no answer" }]);
    found.found = [];
    await clock.advance(1_000);
    expect(discovery.list()).toMatchObject([{ failing: undefined }]);
    expect(logger.at("warn")).toHaveLength(1);
    expect(events.map(({ type }) => type)).toEqual([
      "topology_added",
      "topology_failing",
      "topology_recovered",
    ]);
    expect(discovery.stats().discovery_failures).toBeGreaterThan(50);
  });
});

describe("who is gone", () => {
  test("is forgotten when the answers lack it for absentMs and its link is dead", async () => {
    const found = new FakeDiscovery();
    found.found = [one, two];
    const { clock, states, since, events } = await coordinate([found], { absentMs: 10_000 });
    states.set(one, "linked").set(two, "linked");
    since();
    found.found = [two];
    await clock.advance(60_000);
    expect(since()).toEqual([]);
    states.set(one, "away");
    await clock.advance(2_000);
    expect(since()).toEqual([`forget ${one}`]);
    expect(events.at(-1)).toEqual({ type: "peer_gone", topology: "fake", address: one, node: undefined });
    states.set(two, "away");
    await clock.advance(60_000);
    expect(since()).toEqual([]);
  });

  test("is found anew when it comes back", async () => {
    const found = new FakeDiscovery();
    found.found = [one];
    const { clock, since } = await coordinate([found], { absentMs: 1_000 });
    found.found = [];
    await clock.advance(5_000);
    found.found = [one];
    await clock.advance(looked);
    expect(since()).toEqual([`connect ${one}`, `forget ${one}`, `connect ${one}`]);
  });

  test("because it left is not dialled back while the answers still have it, and tried after leaverHoldMs", async () => {
    const found = new FakeDiscovery();
    found.found = [one];
    const { clock, states, since } = await coordinate([found], { leaverHoldMs: 20_000 });
    since();
    states.set(one, "left");
    await clock.advance(19_000);
    expect(since()).toEqual([]);
    await clock.advance(3_000);
    expect(since()).toEqual([`connect ${one}`]);
  });

  test("because it left is forgotten as soon as the answers lack it, too", async () => {
    const found = new FakeDiscovery();
    found.found = [one];
    const { clock, states, since } = await coordinate([found]);
    since();
    states.set(one, "left");
    found.found = [];
    await clock.advance(1_500);
    expect(since()).toEqual([`forget ${one}`]);
  });
});

describe("several topologies", () => {
  test("that find the same address dial it once, and it is forgotten when the last lacks it", async () => {
    const [a, b] = [new FakeDiscovery(), new FakeDiscovery()];
    a.found = [one];
    b.found = [one];
    const { clock, since, discovery } = await coordinate([a, b], { absentMs: 1_000 });
    expect(since()).toEqual([`connect ${one}`]);
    expect(discovery.list().map(({ name }) => name)).toEqual(["fake", "fake-2"]);
    a.found = [];
    await clock.advance(5_000);
    expect(since()).toEqual([]);
    b.found = [];
    await clock.advance(5_000);
    expect(since()).toEqual([`forget ${one}`]);
  });

  test("come and go at run time; the end of one disconnects nobody, and forgets whom only it had found", async () => {
    const [a, b] = [new FakeDiscovery(), new FakeDiscovery()];
    a.found = [one];
    b.found = [one, two];
    const { clock, since, discovery, states, events } = await coordinate([a], { absentMs: 1_000 });
    await discovery.add({ name: "second", strategy: b });
    expect(since()).toEqual([`connect ${one}`, `connect ${two}`]);
    states.set(two, "linked");
    expect(await discovery.remove("second")).toBe(true);
    expect(await discovery.remove("second")).toBe(false);
    await clock.advance(10_000);
    expect(since()).toEqual([]);
    states.delete(two);
    await clock.advance(2_000);
    expect(since()).toEqual([`forget ${two}`]);
    expect(events.map(({ type }) => type)).toContain("topology_removed");
  });

  test("with one name, or one strategy given twice, are refused", async () => {
    const strategy = new FakeDiscovery();
    const { discovery } = await coordinate([{ name: "a", strategy }]);
    const refused = expect.objectContaining({ code: "discovery_config_invalid" });
    await expect(discovery.add({ name: "a", strategy: new FakeDiscovery() })).rejects.toEqual(refused);
    await expect(discovery.add({ name: "b", strategy })).rejects.toEqual(refused);
  });

  test("of which one cannot start end the start, and are all stopped", async () => {
    const good = new FakeDiscovery();
    const bad = new FakeDiscovery();
    bad.start = () => Promise.reject(new Error("no port"));
    const { discovery, surroundings } = await coordinate([]);
    await expect(discovery.add(bad)).rejects.toThrow("no port");
    expect(discovery.list()).toEqual([]);
    const both = new DiscoveryCoordinator([good, bad], {
      connect: () => {},
      disconnect: () => {},
      list: () => new Map(),
    });
    await expect(both.start(surroundings)).rejects.toThrow("no port");
    expect(good.host).toBeUndefined();
  });
});

describe("hooks of a topology", () => {
  test("take the place of the engine's, and list tells how its links are", async () => {
    const strategy = new FakeDiscovery();
    const calls: string[] = [];
    const note = (what: string) => (peer: Sighting) =>
      void calls.push(`${what} ${formatHostPort(peer.address)}`);
    strategy.found = [one];
    const own = new Map<string, PeerState>([[one, "linked"]]);
    const hooks = { connect: note("own connect"), disconnect: note("own disconnect"), list: () => own };
    const { clock, since, discovery } = await coordinate([{ strategy, ...hooks }], { absentMs: 1_000 });
    expect(discovery.list()).toMatchObject([{ peers: [{ address: one, state: "linked", listed: true }] }]);
    strategy.found = [];
    await clock.advance(5_000);
    expect(discovery.list()).toMatchObject([{ peers: [{ address: one, listed: false }] }]);
    own.clear();
    await clock.advance(5_000);
    expect(calls).toEqual([`own connect ${one}`, `own disconnect ${one}`]);
    expect(since()).toEqual([]);
  });

  test("and listeners that throw are logged and counted, and end nothing", async () => {
    const strategy = new FakeDiscovery();
    const throws = () => {
      throw new Error("oh");
    };
    const { clock, discovery, logger, since } = await coordinate([{ strategy, connect: throws }]);
    discovery.listen(throws);
    strategy.found = [one];
    await clock.advance(looked);
    expect(logger.at("error")).toEqual(["a hook of a topology threw", "a listener of discovery threw"]);
    expect(discovery.stats().discovery_hook_errors).toBe(1);
    expect(since()).toEqual([]);
  });
});

describe("the end", () => {
  test("stops every strategy, forgets whom they had found, and all begins anew with the next start", async () => {
    const found = new FakeDiscovery();
    found.found = [one];
    const { clock, since, discovery, surroundings } = await coordinate([found]);
    await discovery.stop();
    expect(since()).toEqual([`connect ${one}`, `forget ${one}`]);
    expect(clock.pending).toBe(0);
    await discovery.start(surroundings);
    expect(since()).toEqual([`connect ${one}`]);
  });
});

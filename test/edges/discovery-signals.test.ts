import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { DiscoveryEvent } from "../../src/runtime/discovery/topology.js";
import type { DiscoveryUnderTest } from "../../src/testing/index.js";
import { Authority } from "../support/certificates.js";
import { dnsUnderTest, fileUnderTest } from "../support/discovery-worlds.js";
import { freePort } from "../support/http.js";
import { kubernetesUnderTest } from "../support/kubernetes-world.js";
import { type MeshNode, startNode } from "../support/mesh-node.js";
import { requireServer } from "../support/servers.js";
import { until } from "../support/wait.js";

const openssl = requireServer("openssl");
const quick = { backoffBaseMs: 5, backoffMaxMs: 50 };
const limits = { absentMs: 50, sweepMs: 10, leaverHoldMs: 600_000 };

async function worldOf(under: DiscoveryUnderTest) {
  const world = await under.createWorld();
  onTestFinished(() => world.dispose());
  return world;
}

/** The only peer of a node's first topology. */
const peerOf = ({ mesh }: MeshNode) => mesh.discovery.list()[0]?.peers[0];

const untilMore = (node: MeshNode, counter: string, by: number) => {
  const before = node.stat(counter);
  return until(() => node.stat(counter) >= before + by, `${by} more ${counter}`, 20_000);
};

/** A node that finds another by a strategy, linked with it. */
async function linkedBy(under: DiscoveryUnderTest) {
  const world = await worldOf(under);
  const port = await freePort();
  const startB = () => startNode("b", { listen: { port }, timing: quick });
  const b = await startB();
  await world.show([b.address]);
  const a = await startNode("a", { discover: [world.strategy], discovery: limits, timing: quick });
  await until(() => a.mesh.nodes().includes("b"), "they are linked");
  return { world, a, b, address: b.address, startB };
}

function signalCases(under: DiscoveryUnderTest): void {
  test("a failed answer is told as such, an empty one too; neither parts linked nodes", async () => {
    const { world, a } = await linkedBy(under);
    await world.fail();
    await untilMore(a, "discovery_failures", 5);
    expect(a.stat("discovery_empty_views")).toBe(0);
    expect(a.mesh.discovery.list()[0]?.failing).toEqual(expect.any(String));
    // Nobody is absent because nobody could look.
    expect(peerOf(a)).toMatchObject({ state: "linked", listed: true });
    await world.show([]);
    await untilMore(a, "discovery_empty_views", 20);
    expect(peerOf(a)).toMatchObject({ state: "linked", listed: false });
    expect([a.mesh.nodes(), a.stat("links_lost")]).toEqual([["b"], 0]);
    const warnings = a.warnings().map(({ message }) => message);
    expect(warnings.filter((message) => message.startsWith("discovery fails"))).toHaveLength(1);
  });

  test("a node that left is not dialled while the answers still have it, and is when it is seen anew", async () => {
    const { world, a, b, startB, address } = await linkedBy(under);
    await b.mesh.stop();
    await until(() => peerOf(a)?.state === "left", "it has left");
    // As one that drains: it listens, and the answers have it. It dials nobody.
    const again = await startB();
    const dials = a.stat("dials");
    await untilMore(a, "discovery_views", 10);
    expect([peerOf(a)?.state, a.stat("dials") - dials, again.mesh.nodes()]).toEqual(["left", 0, []]);
    await world.show([]);
    await until(() => a.mesh.discovery.list()[0]?.peers.length === 0, "it is forgotten");
    await world.show([address]);
    await until(
      () => a.mesh.nodes().includes("b") && again.mesh.nodes().includes("a"),
      "they are linked anew",
    );
  });
}

describe("the DNS gives the right signals", () => signalCases(dnsUnderTest("services")));
describe("a file gives the right signals", () => signalCases(fileUnderTest("json")));
describe.skipIf(openssl.missing).each(["endpointslices", "pods"] as const)(
  "kubernetes by %s gives the right signals",
  (resource) => {
    let authority: Authority;
    beforeAll(() => {
      authority = new Authority(openssl.path);
    });
    afterAll(() => authority.dispose());
    signalCases(kubernetesUnderTest(resource, () => authority));
  },
);

test("topologies of several kinds come and go at run time; a node that two of them see is dialled once", async () => {
  const [first, second] = [await worldOf(fileUnderTest("json")), await worldOf(dnsUnderTest("services"))];
  const a = await startNode("a", { discovery: limits, timing: quick });
  const b = await startNode("b", { timing: quick });
  const events: DiscoveryEvent[] = [];
  a.mesh.discovery.listen((event) => events.push(event));
  await Promise.all([first.show([b.address]), second.show([b.address])]);
  await a.mesh.discovery.add({ name: "listed", strategy: first.strategy });
  await a.mesh.discovery.add({ name: "named", strategy: second.strategy });
  await until(() => events.filter(({ type }) => type === "peer_found").length === 2, "both see it");
  await until(() => a.mesh.nodes().includes("b"), "they are linked");
  expect(a.stat("links_opened")).toBe(1);
  expect(a.mesh.discovery.list().map(({ name, kind, peers }) => [name, kind, peers.length])).toEqual([
    ["listed", "file", 1],
    ["named", "dns", 1],
  ]);
  expect(await a.mesh.discovery.remove("listed")).toBe(true);
  expect(await a.mesh.discovery.remove("named")).toBe(true);
  await until(() => a.mesh.discovery.list().length === 0, "both are gone");
  expect(a.mesh.nodes()).toEqual(["b"]);
  await b.mesh.stop();
  await until(
    () => events.filter(({ type }) => type === "peer_gone").length === 2,
    "it is forgotten by both",
  );
  const counts = new Map<string, number>();
  for (const { type } of events) counts.set(type, (counts.get(type) ?? 0) + 1);
  expect(Object.fromEntries(counts)).toEqual({
    topology_added: 2,
    peer_found: 2,
    topology_removed: 2,
    peer_gone: 2,
  });
});

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HostCluster, promised, seconds } from "../support/hosts/host-cluster.js";
import { HostNetwork } from "../support/hosts/host-network.js";
import type { HostNode } from "../support/hosts/host-node.js";
import { Load } from "../support/hosts/load.js";
import { NameServer } from "../support/hosts/name-server.js";
import { fixture, type Program, startProgram } from "../support/program.js";
import { requireHosts, requireServer } from "../support/servers.js";
import { until } from "../support/wait.js";

const dnsmasq = requireServer("dnsmasq");
const hosts = await requireHosts();
const five = [1, 2, 3, 4, 5];
const meshPort = 7_000;

/** Waits until all five see each other, and takes down how long that took. */
async function form(cluster: HostCluster, how: string): Promise<void> {
  await cluster.untilWhole(cluster.all, 40_000);
  const tookMs = cluster.lastUp(cluster.all, Math.max(...cluster.all.map(({ beganMs }) => beganMs)));
  cluster.chronicle.figure(`five nodes find each other by ${how}`, seconds(tookMs));
  expect(tookMs).toBeLessThan(promised(3_000));
}

/** Of each node, how often something was counted. */
const counted = async (nodes: readonly HostNode[], name: string) =>
  (await Promise.all(nodes.map((node) => node.view()))).map(({ stats }) => stats[name] ?? 0);

describe.skipIf(hosts.missing || dnsmasq.missing)("five hosts, joined by the A records of a name", () => {
  let cluster: HostCluster;
  let server: NameServer | undefined;
  beforeAll(async () => {
    cluster = new HostCluster(await HostNetwork.open(5), "A records");
    const records = five.map((n) => `${cluster.network.host(n).address} nodes.mesh.test`);
    server = await NameServer.start(dnsmasq.path, cluster.network.hub, records);
  });
  afterAll(async () => {
    await server?.kill();
    await cluster?.close();
  });

  test("find each other in 3 s", async () => {
    cluster.chronicle.chapter("five nodes start");
    const how = `dns:nodes.mesh.test:${meshPort}@${cluster.network.hub.address}`;
    for (const n of five) {
      cluster.start(cluster.network.host(n), ["--discover", how, "--mesh-port", String(meshPort)]);
    }
    await form(cluster, "A records");
  });

  test("lose nobody when the name has no records any more", async () => {
    cluster.chronicle.chapter("all records are gone");
    const goneMs = cluster.chronicle.act("takes all records away");
    server?.change([]);
    await until(
      async () => (await counted(cluster.all, "discovery_empty_views")).every((count) => count > 0),
      "everybody has had an empty answer",
      20_000,
    );
    await cluster.untilWhole(cluster.all);
    expect(cluster.lines(cluster.all, goneMs, "mesh node")).toEqual([]);
    cluster.chronicle.figure("all records are taken away", "nobody is lost");
  });
});

/** One way of every link is so long. */
const delayMs = 40;
/** Share of the packets that are lost on their way into each host. */
const loss = 0.03;

describe.skipIf(hosts.missing || dnsmasq.missing)(
  "five hosts, joined by SRV records, far from each other",
  () => {
    let cluster: HostCluster;
    let server: NameServer | undefined;
    let relay: Program | undefined;
    beforeAll(async () => {
      cluster = new HostCluster(await HostNetwork.open(5), `SRV records, every link ${delayMs} ms long`);
      const { hub } = cluster.network;
      // The records lead to the relay, which has a port for each host, and one for the questions.
      const ports = five.map(
        (n) => `tcp:${hub.address}:${meshPort + n}=${cluster.network.host(n).address}:${meshPort}`,
      );
      const ways = [...ports, `udp:${hub.address}:5353=${hub.address}:53`];
      relay = startProgram(
        ...HostNetwork.within(hub, process.execPath, [fixture("delay-relay.mjs"), String(delayMs), ...ways]),
      );
      const services = five.map((n) => `_mesh._tcp.mesh.test,hub.mesh.test,${meshPort + n}`);
      server = await NameServer.start(dnsmasq.path, hub, [`${hub.address} hub.mesh.test`], services);
      await relay.line("ready");
    });
    afterAll(async () => {
      relay?.child.kill("SIGKILL");
      await relay?.ended;
      await server?.kill();
      await cluster?.close();
    });

    test("find each other in 3 s", async () => {
      cluster.chronicle.chapter("five nodes start");
      const how = `dns:_mesh._tcp.mesh.test@${cluster.network.hub.address}:5353`;
      for (const n of five) {
        cluster.start(cluster.network.host(n), ["--discover", how, "--mesh-port", String(meshPort)]);
      }
      await form(cluster, `SRV records, over links of ${delayMs} ms`);
    });

    test("hear every message once and in order, though packets are lost and the DNS is gone; nobody is taken for dead", async () => {
      cluster.chronicle.chapter(`${loss * 100} % of all packets are lost, and the DNS server dies`);
      const load = new Load("load:far");
      await load.join(cluster.all);
      expect(await load.trip()).toBeGreaterThanOrEqual(delayMs);
      const lossMs = cluster.chronicle.act("loses packets, kills the DNS server");
      await cluster.network.lose(
        loss,
        cluster.all.map(({ host }) => host),
      );
      await server?.kill();
      load.begin(10);
      await until(
        () => cluster.all.every((node) => node.since(lossMs, "discovery fails").length === 1),
        "everybody has noticed that the DNS is gone",
        30_000,
      );
      await load.more(100);
      await load.end();
      load.close();
      expect(load.faults(() => 1)).toEqual([]);
      expect(cluster.lines(cluster.all, lossMs, "mesh node")).toEqual([]);
      await cluster.untilWhole(cluster.all);
      const heard = load.clients.reduce((sum, client) => sum + client.heard.length, 0);
      cluster.chronicle.figure(
        `messages heard with ${loss * 100} % of the packets lost; lost or doubled`,
        `${heard}; none`,
      );
      cluster.chronicle.figure("the DNS server dies", "one line, nobody is lost");
    });
  },
);

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HostCluster, promised, seconds } from "../support/hosts/host-cluster.js";
import { HostNetwork } from "../support/hosts/host-network.js";
import type { HostNode } from "../support/hosts/host-node.js";
import { Load } from "../support/hosts/load.js";
import { requireHosts } from "../support/servers.js";
import { until } from "../support/wait.js";

/** How long a partition lasts: longer than it takes to be noticed. */
const partitionMs = Number(process.env.SIMURGH_PARTITION_S ?? 4) * 1_000;
const gossip = ["--discover", "gossip"];
const hosts = await requireHosts();

describe.skipIf(hosts.missing)("five hosts, joined by gossip alone", () => {
  let cluster: HostCluster;
  let nodes: HostNode[] = [];
  const node = (n: number): HostNode => {
    const found = nodes.find(({ host }) => host.label === `h${n}`);
    if (found === undefined) throw new Error(`no node runs on h${n}`);
    return found;
  };
  const others = (...gone: readonly HostNode[]) => nodes.filter((one) => !gone.includes(one));
  const start = (n: number) => {
    const started = cluster.start(cluster.network.host(n), gossip);
    nodes.push(started);
    return started;
  };
  const hostsOf = (some: readonly HostNode[]) => some.map(({ host }) => host);

  beforeAll(async () => {
    cluster = new HostCluster(await HostNetwork.open(7), "gossip");
  });
  afterAll(() => cluster?.close());

  test("find each other in 3 s", async () => {
    cluster.chronicle.chapter("five nodes start");
    for (let n = 1; n <= 5; n++) start(n);
    await cluster.untilWhole(nodes, 40_000);
    const lastMs = Math.max(...nodes.map(({ beganMs }) => beganMs));
    const tookMs = cluster.lastUp(nodes, lastMs);
    cluster.chronicle.figure("five nodes find each other", seconds(tookMs));
    expect(tookMs).toBeLessThan(promised(3_000));
  });

  test("a sixth joins under load, and between the others not one message is lost or doubled", async () => {
    cluster.chronicle.chapter("a sixth joins under load");
    const load = new Load("load:sixth");
    await load.join(nodes);
    const five = [...load.clients];
    load.begin(10);
    await load.more(50);
    const sixth = start(6);
    await cluster.untilWhole(nodes, 40_000);
    const tookMs = cluster.lastUp(nodes, sixth.beganMs);
    cluster.chronicle.figure("a sixth joins under load", seconds(tookMs));
    expect(tookMs).toBeLessThan(promised(3_000));
    await load.join([sixth]);
    load.clients.at(-1)?.begin(10);
    await load.more(50);
    await load.end();
    load.close();
    const faults = load.faults((hearer, speaker) =>
      five.includes(hearer) ? 1 : (hearer.from(speaker.name)[0] ?? 0),
    );
    expect(faults).toEqual([]);
    const heard = load.clients.reduce((sum, client) => sum + client.heard.length, 0);
    cluster.chronicle.figure("messages heard meanwhile, lost or doubled", `${heard}, none`);
  });

  test("kill -9 of two is noticed by all others in 3 s", async () => {
    cluster.chronicle.chapter("kill -9 of two");
    const dead = [node(5), node(6)];
    const rest = others(...dead);
    const killedMs = cluster.chronicle.act("kills h5 and h6");
    for (const one of dead) one.signal("SIGKILL");
    const tookMs = await cluster.untilLost(rest, dead, killedMs);
    nodes = rest;
    await cluster.untilWhole(nodes);
    cluster.chronicle.figure("kill -9 of two is noticed by all", seconds(tookMs));
    expect(tookMs).toBeLessThan(promised(3_000));
    const back = start(5);
    await cluster.untilWhole(nodes, 40_000);
    cluster.chronicle.figure(
      "a new node in the place of a dead one is linked",
      seconds(cluster.lastUp(nodes, back.beganMs)),
    );
  });

  test("a link cut in one direction ends at both ends, touches no other, and heals in 5 s", async () => {
    cluster.chronicle.chapter("nothing of h1 arrives at h2");
    const cutMs = cluster.chronicle.act("cuts h1 -> h2; h2 -> h1 stays");
    await cluster.network.cut([node(1).host], [node(2).host]);
    const ends = [
      await cluster.untilLost([node(2)], [node(1)], cutMs),
      await cluster.untilLost([node(1)], [node(2)], cutMs),
    ];
    cluster.chronicle.figure(
      "a link cut one way is noticed at the deaf end, at the other end",
      ends.map(seconds).join(", "),
    );
    expect(Math.max(...ends)).toBeLessThan(promised(5_000));
    const spared = others(node(1), node(2)).flatMap((one) => one.since(cutMs, "mesh node lost"));
    expect(spared).toEqual([]);
    await heal("a link cut one way");
  });

  test(
    "a partition is noticed by both sides, each goes on, and it heals in 5 s with no restart",
    async () => {
      cluster.chronicle.chapter("h1 h2 | h3 h4 h5");
      const left = [node(1), node(2)];
      const right = others(...left);
      const cutMs = Date.now();
      await cluster.network.part(hostsOf(left), hostsOf(right));
      cluster.chronicle.act("cuts both ways");
      const tookMs = Math.max(
        await cluster.untilLost(left, right, cutMs),
        await cluster.untilLost(right, left, cutMs),
      );
      cluster.chronicle.figure("a partition is noticed by all", seconds(tookMs));
      await cluster.untilWhole(left);
      await cluster.untilWhole(right);
      await until(() => Date.now() - cutMs >= partitionMs, "the partition has lasted", partitionMs + 5_000);
      await heal(`a partition of ${partitionMs / 1_000} s`);
    },
    partitionMs + 60_000,
  );

  test("a pulled cable is noticed at both of its ends, and heals in 5 s when it is put back", async () => {
    cluster.chronicle.chapter("the cable of h5");
    const alone = node(5);
    const rest = others(alone);
    const pulledMs = cluster.chronicle.act("pulls the cable of h5");
    await cluster.network.plug(alone.host, false);
    const tookMs = Math.max(
      await cluster.untilLost(rest, [alone], pulledMs),
      await cluster.untilLost([alone], rest, pulledMs),
    );
    cluster.chronicle.figure("a pulled cable is noticed by all", seconds(tookMs));
    await heal("a pulled cable", () => cluster.network.plug(alone.host, true));
  });

  test("a frozen node is noticed; when it goes on it blames nobody, and comes back", async () => {
    cluster.chronicle.chapter("SIGSTOP of h4");
    const frozen = node(4);
    const frozenMs = cluster.chronicle.act("freezes h4");
    frozen.signal("SIGSTOP");
    const tookMs = await cluster.untilLost(others(frozen), [frozen], frozenMs);
    cluster.chronicle.figure("a frozen node is noticed by all", seconds(tookMs));
    await cluster.untilWhole(others(frozen));
    const thawedMs = Date.now();
    await heal("a frozen node", async () => frozen.signal("SIGCONT"));
    const blamed = frozen.since(thawedMs, "mesh node lost").filter(({ text }) => /reason=silent/.test(text));
    expect(blamed).toEqual([]);
  });

  test("a stranger with another secret is refused, one line each, and the cluster goes on", async () => {
    cluster.chronicle.chapter("h6 has another secret");
    const beganMs = Date.now();
    const address = await cluster.meshAddress(node(1));
    const stranger = cluster.start(
      cluster.network.host(6),
      [...gossip, "--peers", address],
      "another secret, long enough",
    );
    await until(
      async () => {
        const [first, ...rest] = await Promise.all(nodes.map((one) => one.view()));
        const forged = rest.every(({ stats }) => (stats.discovery_gossip_packets_forged ?? 0) > 1);
        return forged && (first?.stats.refused_secret ?? 0) > 1;
      },
      "h6 has tried twice",
      40_000,
    );
    expect(cluster.lines(nodes, beganMs, "mesh link refused")).toEqual([
      expect.stringMatching(
        /^h1: .*remote=10\.77\.0\.6.* reason="the secret is wrong or missing" refused_by="this node"/,
      ),
    ]);
    expect(cluster.lines(nodes, beganMs, "gossip packet refused")).toEqual(
      nodes.map(({ label }) =>
        expect.stringMatching(new RegExp(`^${label}: .*from=10\\.77\\.0\\.6 reason=`)),
      ),
    );
    expect(cluster.lines(nodes, beganMs, "mesh node")).toEqual([]);
    await stranger.kill();
    await cluster.untilWhole(nodes);
  });

  test("a second node of the same name is refused, one line each, and the first stays", async () => {
    cluster.chronicle.chapter("h7 has the name of the node on h2");
    const beganMs = Date.now();
    const name = await node(2).name();
    const double = cluster.start(cluster.network.host(7), [...gossip, "--name", name]);
    await until(
      async () => {
        const views = await Promise.all(nodes.map((one) => one.view()));
        return views.every(({ stats }) => (stats.refused_duplicate_name ?? 0) > 1);
      },
      "everybody has refused it twice",
      40_000,
    );
    expect(cluster.lines(nodes, beganMs, "mesh link refused")).toEqual(
      nodes.map(({ label }) =>
        expect.stringMatching(`^${label}: .* node=${name} reason="another living node has the same name"`),
      ),
    );
    expect(cluster.lines(nodes, beganMs, "mesh node")).toEqual([]);
    await double.kill();
    await cluster.untilWhole(nodes);
    await everybodyHearsEverybody("double");
  });

  test("a node that is told to end says so, and is forgotten instead of dialled back", async () => {
    cluster.chronicle.chapter("SIGTERM of h5");
    const leaver = node(5);
    const rest = others(leaver);
    const address = await cluster.meshAddress(leaver);
    const toldMs = cluster.chronicle.act("tells h5 to end");
    leaver.signal("SIGTERM");
    const tookMs = await cluster.untilLost(rest, [leaver], toldMs);
    expect(await leaver.program.ended).toEqual({ code: 0, signal: null });
    nodes = rest;
    await cluster.untilWhole(nodes);
    cluster.chronicle.figure("a node that is told to end has left for all", seconds(tookMs));
    const forgotten = rest.map(({ label }) => `${label}: discovery lost a node`);
    await until(() => {
      const lines = cluster.lines(rest, toldMs, "discovery lost a node");
      return forgotten.every((words) =>
        lines.some((line) => line.startsWith(words) && line.includes(address)),
      );
    }, "everybody has forgotten it");
    expect(cluster.lines(rest, toldMs, "mesh node lost")).toEqual([]);
    expect(cluster.lines(rest, toldMs, `mesh peer unreachable remote=${address}`)).toEqual([]);
  });

  async function heal(what: string, cure = () => cluster.network.heal()): Promise<void> {
    const healedMs = cluster.chronicle.act("heals");
    await cure();
    await cluster.untilWhole(nodes);
    const tookMs = cluster.lastUp(nodes, healedMs);
    cluster.chronicle.figure(`${what} heals`, seconds(tookMs));
    expect(tookMs).toBeLessThan(promised(5_000));
    await everybodyHearsEverybody(what);
  }

  /** Each message once: two links for one pair would double it. */
  async function everybodyHearsEverybody(topic: string): Promise<void> {
    const load = new Load(`load:${topic}`);
    await load.join(nodes);
    await load.end();
    load.close();
    expect(load.faults(() => 1)).toEqual([]);
  }
});

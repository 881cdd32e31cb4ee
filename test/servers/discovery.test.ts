import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { linked, nameOf, portOf, startNode } from "../support/discovered-nodes.js";
import { startFleet } from "../support/fleet.js";
import { freePort } from "../support/http.js";
import { fixture, runSimurgh } from "../support/program.js";
import { joinRoom } from "../support/room-client.js";
import { freeUdpPort } from "../support/udp.js";
import { until } from "../support/wait.js";

describe("simurgh node --discover", () => {
  test("gossip alone forms a cluster of five in 3 s; kill -9 of two is noticed in 3 s", async () => {
    const nodes = Array.from({ length: 5 }, () => startNode(["--discover", "gossip"]));
    await Promise.all(nodes.map((node) => node.line("n")));
    const startedMs = performance.now();
    await until(() => nodes.every((node) => linked(node).size === 4), "five nodes are linked");
    expect(performance.now() - startedMs).toBeLessThan(3_000);

    const ports = await Promise.all(nodes.map(portOf));
    const clients = await Promise.all(ports.map((port) => joinRoom(port)));
    clients[0]?.shout("to all");
    await until(() => clients.every(({ heard }) => heard.length === 1), "everybody hears it once");

    const dead = nodes.slice(0, 2);
    const deadNames = await Promise.all(dead.map(nameOf));
    for (const node of dead) node.child.kill("SIGKILL");
    const killedMs = performance.now();
    const rest = nodes.slice(2);
    await until(
      () => rest.every((node) => deadNames.every((name) => !linked(node).has(name))),
      "the others notice",
    );
    expect(performance.now() - killedMs).toBeLessThan(3_000);
    clients[4]?.shout("to the rest");
    await until(
      () => clients.slice(2).every(({ heard }) => heard.includes("to the rest")),
      "the rest goes on",
    );
  });

  test("several ways at once; a node that ends is not dialled back, and one that comes anew is found", async () => {
    const udp = await freeUdpPort();
    const gossip = ["--discover", `gossip:${udp}`, "--discover", "static:127.0.0.1:9"];
    const first = startNode([...gossip, "--name", "n1@127.0.0.1"]);
    const second = startNode([...gossip, "--name", "n2@127.0.0.1"]);
    const found = /discovery found a node .*node=n2@/;
    await until(() => linked(first).has("n2@127.0.0.1") && found.test(first.stderr), "they find each other");
    second.child.kill("SIGTERM");
    expect(await second.ended).toEqual({ code: 0, signal: null });
    await until(() => linked(first).size === 0 && /discovery lost a node/.test(first.stderr), "it is gone");
    const third = startNode([...gossip, "--name", "n2@127.0.0.1"]);
    await until(() => linked(first).has("n2@127.0.0.1") && linked(third).size === 1, "it is back");
  });

  test("a file that is there only later brings nodes together; Kubernetes is refused outside of a pod", async () => {
    const folder = mkdtempSync(join(tmpdir(), "simurgh-nodes-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "nodes.json");
    const meshPort = await freePort();
    const how = ["--discover", `file:${path}`];
    const first = startNode([...how, "--name", "n1", "--mesh-port", String(meshPort)]);
    const second = startNode([...how, "--name", "n2"]);
    await until(
      () => /discovery fails.*there is no such file/.test(second.stderr),
      "it tells the file is missing",
      30_000,
    );
    writeFileSync(path, JSON.stringify([`127.0.0.1:${meshPort}`]));
    await until(() => linked(first).has("n2") && linked(second).has("n1"), "they find each other", 30_000);
    const lost = startNode(["--discover", "kubernetes:chat:7000"], { KUBERNETES_SERVICE_HOST: "" });
    expect((await lost.ended).code).toBe(1);
    expect(lost.stderr).toContain("discovery_start_failed: this is no pod of Kubernetes");
  }, 60_000);

  test("two fleets of `up` become one cluster, and need the secret for it", async () => {
    const udp = await freeUdpPort();
    const args = ["--balancer", "embedded", "--nodes", "2", "--discover", `gossip:${udp}`];
    const secret = { SIMURGH_SECRET: "a secret that two fleets share" };
    const fleets = await Promise.all([1, 2].map(() => startFleet(args, "room-app.mjs", undefined, secret)));
    for (const fleet of fleets) onTestFinished(() => fleet.end());
    for (const { up } of fleets) await up.line("ready ");
    const [one, two] = await Promise.all(fleets.map(({ port }) => joinRoom(port)));
    await until(() => {
      one?.shout("across");
      return two?.heard.includes("across");
    }, "a message crosses from fleet to fleet");
    const { code, stderr } = await runSimurgh(["up", fixture("room-app.mjs"), ...args]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("SIMURGH_SECRET")]);
  }, 60_000);

  test.each([
    ["--discover", "telepathy", "It begins with one of"],
    ["--discover", "gossip:0", "port must be"],
    ["--discover", "dns:", "no name of the DNS"],
    ["--discover", "dns:nodes.example.org:x", "port must be"],
    ["--discover", "dns:nodes.example.org:7000@ns.example.org", "must be an IP address"],
    ["--discover", "static:nowhere", "neither name@host:port nor host:port"],
  ])("refuses %s %s", async (option, value, words) => {
    const { code, stderr } = await runSimurgh(["node", fixture("room-app.mjs"), option, value]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(words)]);
  });

  test("needs the secret", async () => {
    const { code, stderr } = await runSimurgh(["node", fixture("room-app.mjs"), "--discover", "gossip"]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("SIMURGH_SECRET")]);
  });
});

import { describe, expect, test } from "vitest";
import { askFleet } from "../../src/cli/control/client.js";
import type { NodeRow } from "../../src/cli/control/messages.js";
import { hastyPolicy, rowsOf, useFleets } from "../support/elastic-cases.js";
import { startFleet } from "../support/fleet.js";
import { freePort } from "../support/http.js";
import { fixture, runSimurgh, simurgh } from "../support/program.js";
import { until } from "../support/wait.js";

const [n1, n2] = ["n1@127.0.0.1", "n2@127.0.0.1"];

/** Whatever a fleet is told that it cannot or must not do, it stays as it is and says why. */
describe("a fleet that is told", () => {
  const { start, gather, policyFile } = useFleets();
  const two = ["--balancer", "embedded", "--nodes", "2"];
  const drain = (port: number, name = n2) =>
    askFleet(port, { command: "drain", name, limitMs: 30_000, force: false }, 20_000);
  const drains = (port: number) =>
    until(
      async () => (await rowsOf(port)).some(({ stage }) => stage === "draining"),
      "a node drains",
      40_000,
    );
  const row = async (port: number, name = n2): Promise<NodeRow | undefined> =>
    (await rowsOf(port)).find((one) => one.name === name);

  test("to drain a node that it has not, or its last one", async () => {
    const { port, up } = await start(["--balancer", "embedded", "--nodes", "1"]);
    const unknown = await runSimurgh(["drain", "n7@127.0.0.1", "--port", String(port)]);
    expect(unknown).toMatchObject({ code: 1, stdout: "" });
    expect(unknown.stderr).toContain(
      "fleet_node_unknown: the fleet has no node n7@127.0.0.1; it has n1@127.0.0.1",
    );
    const last = await runSimurgh(["drain", n1, "--port", String(port)]);
    expect(last.code).toBe(1);
    expect(last.stderr).toContain(`fleet_order_refused: without ${n1} no node would be ready`);
    expect((await row(port, n1))?.stage).toBe("ready");
    const forced = await runSimurgh(["drain", n1, "--force", "--port", String(port)]);
    expect(forced).toMatchObject({ code: 0 });
    expect(await rowsOf(port)).toEqual([]);
    expect(up.child.exitCode).toBe(null);
  });

  test("to call a drain off: the clients that are there stay, and others come", async () => {
    const { port } = await start(two, { TEST_NOTICE_MS: "60000" });
    const herd = await gather(port, 4);
    const cancelled = await runSimurgh(["drain", n2, "--cancel", "--port", String(port)]);
    expect(cancelled.code).toBe(1);
    expect(cancelled.stderr).toContain(`drain_failed: ${n2} does not drain`);
    const draining = simurgh(["drain", n2, "--port", String(port)]);
    await draining.line(`${n2} drains: 2 connections`);
    expect(await row(port)).toMatchObject({ stage: "draining", connections: 2, ready: false });
    expect(await runSimurgh(["drain", n2, "--cancel", "--port", String(port)])).toMatchObject({
      code: 0,
      stdout: `${n2} stays\n`,
    });
    expect(await draining.ended).toMatchObject({ code: 1 });
    expect(draining.stderr).toContain(`the drain of ${n2} was called off`);
    expect(await row(port)).toMatchObject({ stage: "ready", connections: 2, ready: true });
    // The balancer asks once a second whether the node is ready again.
    await until(
      async () => (await gather(port, 1)) && (await row(port))?.connections === 3,
      "somebody new comes",
    );
    expect(herd.members.every(({ joins }) => joins.length === 1)).toBe(true);
  });

  test("to drain a node twice, or two at once", async () => {
    const { port } = await start(two);
    const both = Promise.all([drain(port), drain(port)]);
    await drains(port);
    await expect(drain(port, n1)).rejects.toMatchObject({ code: "fleet_order_refused" });
    await expect(askFleet(port, deployOf(), 20_000)).rejects.toMatchObject({ code: "fleet_order_refused" });
    await both;
    expect((await rowsOf(port)).map(({ name }) => name)).toEqual([n1]);
  });

  test("to drain a node that dies meanwhile, or must be hurried", async () => {
    const { port, up } = await start(["--balancer", "embedded", "--nodes", "3"], { TEST_NOTICE_MS: "60000" });
    const drained = drain(port);
    const seen = drained.catch((error: unknown) => error);
    await drains(port);
    process.kill((await row(port))?.pid ?? 0, "SIGKILL");
    expect(await seen).toMatchObject({
      code: "drain_failed",
      message: expect.stringContaining(`${n2} died while it drained: SIGKILL`),
    });
    expect(up.stdout).not.toContain(`${n2} died: SIGKILL; it is started again`);
    const hurried = drain(port, n1);
    await until(async () => (await row(port, n1))?.stage === "draining", "the next one drains", 40_000);
    process.kill((await row(port, n1))?.pid ?? 0, "SIGTERM");
    await hurried;
    expect((await rowsOf(port)).map(({ name }) => name)).toEqual(["n3@127.0.0.1"]);
  });

  test("to end while a node drains: nobody waits for it", async () => {
    const fleet = await start(two, { TEST_NOTICE_MS: "60000" });
    const drained = drain(fleet.port).catch((error: unknown) => error);
    await drains(fleet.port);
    fleet.up.child.kill("SIGTERM");
    expect(await fleet.up.ended).toEqual({ code: 0, signal: null });
    await drained;
  });

  test("to deploy what cannot serve: the old nodes stay, and no client notices", async () => {
    const { port } = await start(two);
    const herd = await gather(port, 4);
    const before = await rowsOf(port);
    const refused = async (app: string, why: string, more: readonly string[] = []) => {
      const args = ["deploy", fixture(app), "--port", String(port), ...more];
      const { code, stderr } = await runSimurgh(args);
      expect(code).toBe(1);
      expect(stderr).toContain("deploy_failed: ");
      expect(stderr).toContain(why);
      expect(stderr).toContain(`New nodes: none; old nodes: ${n1}, ${n2}`);
      expect(await rowsOf(port)).toEqual(before);
    };
    await refused("throws-app.mjs", "n3@127.0.0.1 did not start: app_load_failed");
    await refused("slow-app.mjs", "n4@127.0.0.1 did not start: not ready within 2 s", [
      "--ready-timeout",
      "2",
    ]);
    await refused("short-lived-app.mjs", "n5@127.0.0.1 died soon after its start: exit code 7");
    const missing = await runSimurgh(["deploy", fixture("nowhere.mjs"), "--port", String(port)]);
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining("app_load_failed") });
    expect(herd.members.every(({ joins }) => joins.length === 1)).toBe(true);
  });

  test("to deploy what dies while the old node drains: the drain is called off, the old node stays", async () => {
    const one = ["--balancer", "embedded", "--nodes", "1"];
    const fleet = await start(one, { TEST_NOTICE_MS: "60000" });
    const { port } = fleet;
    const herd = await gather(port, 2);
    const deployed = askFleet(port, deployOf(), 20_000).catch((error: unknown) => error);
    await drains(port);
    await expect(drain(port, n2)).rejects.toThrow("a deploy is under way");
    await expect(askFleet(port, deployOf(), 20_000)).rejects.toThrow("another deploy is under way");
    process.kill((await row(port, n2))?.pid ?? 0, "SIGKILL");
    expect(await deployed).toMatchObject({
      code: "deploy_failed",
      message: expect.stringContaining(`${n2} died while ${n1} drained: SIGKILL`),
    });
    expect(await rowsOf(port)).toMatchObject([{ name: n1, stage: "ready", connections: 2, ready: true }]);
    expect(herd.members.every(({ joins }) => joins.length === 1)).toBe(true);
    const again = askFleet(port, deployOf(), 20_000).catch((error: unknown) => error);
    await drains(port);
    fleet.up.child.kill("SIGTERM");
    expect(await fleet.up.ended).toEqual({ code: 0, signal: null });
    expect(await again).toBeInstanceOf(Error);
  });

  test("to shrink, and then has work again: the drain is called off", async () => {
    const policy = await policyFile(hastyPolicy);
    const args = ["--balancer", "embedded", "--autoscale", "1..2", "--policy", policy];
    const { port } = await start(args, { TEST_NOTICE_MS: "60000" });
    const many = await gather(port, 12);
    await until(
      async () => (await rowsOf(port)).filter(({ ready }) => ready).length === 2,
      "two nodes",
      40_000,
    );
    await many.leave();
    await drains(port);
    await gather(port, 12);
    const stages = async () => (await rowsOf(port)).map(({ name, stage }) => `${name} ${stage}`);
    await until(async () => (await stages()).every((one) => one.endsWith(" ready")), "both stay", 40_000);
    expect(await stages()).toEqual([`${n1} ready`, `${n2} ready`]);
  });

  test.each([
    ["nonsense", "{", "cannot be read"],
    ["a field that does not exist", { ...hastyPolicy, speed: 1 }, "speed is not known; known are"],
    ["a figure that cannot be", { tolerance: 7 }, "tolerance must be a number from 0 to 0.5"],
  ])("to scale by a policy with %s", async (_what, policy, why) => {
    const args = ["--autoscale", "2..4", "--policy", await policyFile(policy)];
    const fleet = await startFleet(["--balancer", "embedded", ...args], "fleet-app.mjs");
    expect(await fleet.up.ended).toMatchObject({ code: 1 });
    expect(fleet.up.stderr).toContain("scale_config_invalid: ");
    expect(fleet.up.stderr).toContain(why);
  });

  test("to say how it scales, which it does not", async () => {
    const { port } = await start(["--balancer", "embedded", "--nodes", "1"]);
    const { code, stderr } = await runSimurgh(["autoscale", "status", "--port", String(port)]);
    expect(code).toBe(1);
    expect(stderr).toContain("simurgh up --autoscale MIN..MAX");
  });
});

describe("the command line of a fleet that changes", () => {
  test.each([
    [["drain"], "missing required argument 'name'"],
    [["drain", "two words"], "a node's name"],
    [["drain", n1, "--timeout", "soon"], "a whole number"],
    [["deploy", "--settle", "-1"], "a whole number"],
    [["up", "--autoscale", "6..2"], "MIN..MAX"],
    [["up", "--autoscale", "0..2"], "MIN..MAX"],
    [["up", "--policy", "p.json"], "--autoscale MIN..MAX only"],
    [["up", "--autoscale", "2..4", "--nodes", "5"], "--nodes is out of the bounds"],
  ])("%j: exit 2 and a message that says why", async (args, message) => {
    const { code, stdout, stderr } = await runSimurgh(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
  });

  test.each([[["drain"]], [["deploy"]], [["autoscale", "status"]]])(
    "%j: exit 1 without a fleet",
    async (args) => {
      const port = String(await freePort());
      const name = args[0] === "drain" ? [n1] : [];
      const { code, stderr } = await runSimurgh([...args, ...name, "--port", port]);
      expect(code).toBe(1);
      expect(stderr).toContain("fleet_not_found");
    },
  );
});

function deployOf() {
  return { command: "deploy", app: undefined, startMsMax: 30_000, settleMs: 0, limitMs: 30_000 } as const;
}

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { askFleet } from "../../src/cli/control/client.js";
import type { NodeRow } from "../../src/cli/control/messages.js";
import { type Fleet, startFleet } from "./fleet.js";
import { gather, type Herd, knock } from "./herd.js";
import { runSimurgh } from "./program.js";
import { until } from "./wait.js";

/** The nodes of the fleet behind that door. */
export async function rowsOf(port: number): Promise<NodeRow[]> {
  // The fleet of this very code answers.
  return (await askFleet(port, { command: "nodes" }, 20_000)) as NodeRow[];
}

/** What a policy is for a fleet whose nodes carry ten clients, and that need not be patient. */
export const hastyPolicy = {
  signals: { connections: { capacity: 10, target: 0.8 } },
  tolerance: 0,
  scaleOut: { stabilisationMs: 0, stepNodes: 2, stepPeriodMs: 1_000, coolDownMs: 0 },
  scaleIn: { stabilisationMs: 1_000, stepNodes: 1, stepPeriodMs: 1_000, coolDownMs: 0 },
};

/** Starts fleets and clients that end with the test. To be called within `describe`. */
export function useFleets() {
  const toFree: (() => unknown)[] = [];
  afterEach(async () => {
    for (const free of toFree.splice(0).reverse()) await free();
  });
  return {
    start: async (args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Fleet> => {
      const fleet = await startFleet(args, "fleet-app.mjs", undefined, env);
      toFree.push(() => fleet.end());
      await fleet.up.line("ready ");
      return fleet;
    },
    gather: async (port: number, count: number): Promise<Herd> => {
      const herd = await gather(port, count);
      toFree.push(() => herd.leave());
      return herd;
    },
    policyFile: async (policy: unknown): Promise<string> => {
      const folder = await mkdtemp(join(tmpdir(), "simurgh-policy-"));
      toFree.push(() => rm(folder, { recursive: true }));
      const path = join(folder, "policy.json");
      await writeFile(path, typeof policy === "string" ? policy : JSON.stringify(policy));
      return path;
    },
  };
}

/** What must hold of a fleet that changes, whatever stands at the door. To be called within `describe`. */
export function elasticCases(balancer: "embedded" | "haproxy"): void {
  const { start, gather, policyFile } = useFleets();
  const names = async (port: number) => (await rowsOf(port)).map(({ name }) => name);

  test("drain: the clients go to other nodes, once each, no request is refused, work is finished", async () => {
    const { port, up } = await start(["--balancer", balancer, "--nodes", "3"], { TEST_NOTICE_MS: "2500" });
    const herd = await gather(port, 30);
    const victims = herd.on("n2@127.0.0.1");
    expect(victims).toHaveLength(10);
    const listener = herd.on("n1@127.0.0.1")[0];
    let worked = "";
    listener?.channel.on("worked", ({ node }) => {
      worked = node;
    });
    const knocking = knock(port);
    const drain = runSimurgh(["drain", "n2@127.0.0.1", "--port", String(port)]);
    await up.line("n2@127.0.0.1 drains");
    // It ends after its client was sent away.
    victims[0]?.channel.push("work", { ms: 3_000 });
    const { code, stdout } = await drain;
    expect({ code, last: stdout.trim().split("\n").at(-1) }).toEqual({
      code: 0,
      last: "n2@127.0.0.1 is gone",
    });
    await herd.untilBack(["n2@127.0.0.1"]);
    expect((await knocking.end()).bad).toEqual([]);
    expect(worked).toBe("n2@127.0.0.1");
    for (const member of herd.members) {
      const isVictim = victims.includes(member);
      expect(member).toMatchObject({ closes: isVictim ? [1012] : [], refusals: 0 });
      expect(member.joins).toHaveLength(isVictim ? 2 : 1);
    }
    expect(await names(port)).toEqual(["n1@127.0.0.1", "n3@127.0.0.1"]);
  });

  test("deploy: new nodes take the place of all, and no client or request is refused", async () => {
    const { port } = await start(["--balancer", balancer, "--nodes", "2"]);
    const herd = await gather(port, 20);
    const before = (await rowsOf(port)).map(({ pid }) => pid);
    const knocking = knock(port);
    const { code, stdout, stderr } = await runSimurgh(["deploy", "--port", String(port)]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("deployed: n3@127.0.0.1, n4@127.0.0.1 run ");
    const fresh = ["n3@127.0.0.1", "n4@127.0.0.1"];
    await herd.untilBack(["n1@127.0.0.1", "n2@127.0.0.1"]);
    expect((await knocking.end()).bad).toEqual([]);
    const after = await rowsOf(port);
    expect(after.map(({ name }) => name)).toEqual(fresh);
    expect(after.every(({ ready, pid }) => ready && !before.includes(pid))).toBe(true);
    for (const { closes, refusals } of herd.members) {
      expect(refusals).toBe(0);
      expect(closes.length).toBeLessThanOrEqual(2);
      expect(closes.every((closed) => closed === 1012)).toBe(true);
    }
  });

  test("autoscale: follows the load up and down, and no client is lost", async () => {
    const policy = await policyFile(hastyPolicy);
    const args = ["--balancer", balancer, "--autoscale", "2..4", "--policy", policy];
    const { port } = await start(args);
    const few = await gather(port, 6);
    expect(await names(port)).toEqual(["n1@127.0.0.1", "n2@127.0.0.1"]);
    const many = await gather(port, 24);
    await until(
      async () => (await rowsOf(port)).filter(({ ready }) => ready).length === 4,
      "four nodes",
      40_000,
    );
    await many.leave();
    const isSmall = async () => (await rowsOf(port)).length === 2;
    await until(isSmall, "two nodes are left", 60_000);
    await few.untilBack();
    for (const { closes, refusals } of few.members) {
      expect(refusals).toBe(0);
      expect(closes.every((closed) => closed === 1012)).toBe(true);
    }
    const { code, stdout } = await runSimurgh(["autoscale", "status", "--port", String(port)]);
    expect(code).toBe(0);
    expect(stdout).toContain("bounds       2 to 4 nodes, by the driver process");
    expect(stdout).toMatch(
      /last change {2}\d+\.\d s ago: shrinks from 3 to 2, by n\d@127\.0\.0\.1 \(in use: conn/,
    );
    expect(stdout).toMatch(/^connections +\d+ % +80 % +[12] +-$/m);
  });
}

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Autoscaler, type RecallingDriver } from "../../src/cli/fleet/autoscaler.js";
import type { DrainNodeOptions } from "../../src/cli/fleet/fleet.js";
import { Placing } from "../../src/cli/fleet/placing.js";
import { processDriver } from "../../src/cli/fleet/process-driver.js";
import type { Departure } from "../../src/cli/fleet/worker.js";
import type { Balancer, BalancerServer } from "../../src/contracts/balancer.js";
import type { AutoscaleAction, AutoscaleDecision } from "../../src/core/autoscale/decide.js";
import { policyDefaults } from "../../src/core/autoscale/policy.js";
import type { NodeReport } from "../../src/core/autoscale/signal.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());
/** Lets what is due happen, and `ms` pass. */
const pass = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

/** A balancer that writes down what it is told, and refuses as often as it should. */
class NotedBalancer implements Balancer {
  readonly kind = "noted";
  readonly notes: string[] = [];
  refusals = 0;

  #note(what: string, { name, address, weight }: BalancerServer): void {
    if (this.refusals > 0) {
      this.refusals -= 1;
      throw new Error("not now");
    }
    this.notes.push(`${what} ${name}:${address.port} ${weight}`);
  }

  async start(servers: readonly BalancerServer[]): Promise<void> {
    for (const server of servers) this.#note("start", server);
  }

  async add(server: BalancerServer): Promise<void> {
    this.#note("add", server);
  }

  async update(server: BalancerServer): Promise<void> {
    this.#note("update", server);
  }

  async remove(name: string): Promise<void> {
    this.#note("remove", { name, address: { host: "", port: 0 }, weight: 0 });
  }

  status(): Promise<[]> {
    return Promise.resolve([]);
  }

  async stop(): Promise<void> {
    this.notes.push("stop");
  }
}

describe("the nodes at the door", () => {
  const place = async () => {
    const balancer = new NotedBalancer();
    const faults: string[] = [];
    const placing = new Placing(balancer, (line) => faults.push(line));
    placing.put("a", 1);
    await placing.begin();
    return { balancer, placing, faults };
  };

  test("begin with those that are ready, and come and go from there", async () => {
    const { balancer, placing } = await place();
    placing.put("b", 2);
    placing.welcome("a", false);
    placing.welcome("nobody", false);
    await placing.take("a");
    await pass();
    expect(balancer.notes).toEqual(["start a:1 100", "add b:2 100", "update a:1 0", "remove a:0 0"]);
  });

  test("are tried again until the balancer takes them, as they are by then", async () => {
    const { balancer, placing, faults } = await place();
    balancer.refusals = 1;
    placing.put("b", 2);
    placing.put("b", 3);
    placing.welcome("b", false);
    await pass(1_000);
    expect(balancer.notes).toEqual(["start a:1 100", "add b:3 0"]);
    expect(faults).toEqual(["b the balancer does not follow: Error: not now"]);
  });

  test("are never told of when they were gone before the balancer took them", async () => {
    const { balancer, placing } = await place();
    balancer.refusals = 1;
    placing.put("b", 2);
    await pass();
    const taken = placing.take("b");
    await pass(1_000);
    await taken;
    expect(balancer.notes).toEqual(["start a:1 100"]);
  });

  test("are let go when all ends", async () => {
    const { balancer, placing } = await place();
    balancer.refusals = 1_000;
    placing.put("b", 2);
    await placing.end();
    await pass(10_000);
    expect(balancer.notes).toEqual(["start a:1 100", "stop"]);
  });
});

const ready = (name: string, connections: number): NodeReport => ({
  name,
  stage: "ready",
  measuredAtMs: performance.now(),
  values: { connections, eventLoop: 0.1 },
});

describe("the autoscaler of a fleet", () => {
  const policy = {
    ...policyDefaults,
    signals: { connections: { capacity: 10, target: 1 } },
    scaleOut: { ...policyDefaults.scaleOut, stepNodes: 1, stepPercent: 0, stepPeriodMs: 60_000 },
  };
  const run = (driver: Partial<RecallingDriver>) => {
    const lines: string[] = [];
    const applied: AutoscaleDecision[] = [];
    const autoscaler = new Autoscaler({
      policy,
      driver: {
        kind: "test",
        recalls: true,
        recallable: () => [],
        apply: async (decision) => void applied.push(decision),
        close: async () => {},
        ...driver,
      },
      nodes: () => [ready("a", 35)],
      out: (line) => lines.push(line),
      err: (line) => lines.push(line),
    });
    autoscaler.start();
    return { autoscaler, applied, lines };
  };

  test("decides once a second, says what it does and why, and keeps to the policy's steps", async () => {
    const { autoscaler, applied, lines } = run({});
    expect(autoscaler.report()).toMatchObject({ decision: undefined, paused: undefined });
    await pass(3_000);
    expect(applied.map(({ action }) => action.kind)).toEqual(["add", "hold", "hold"]);
    expect(lines).toEqual(["autoscale grows from 1 to 2 (in use: connections 350 %)"]);
    expect(autoscaler.report()).toMatchObject({
      decision: { action: { kind: "hold" }, restraints: ["step"] },
      change: { action: { kind: "add", count: 1 } },
      driver: { kind: "test", failures: 0 },
    });
    await autoscaler.stop();
    await pass(5_000);
    expect(applied).toHaveLength(3);
  });

  test("counts nothing as done when the driver fails, says so once, and tries again", async () => {
    let tries = 0;
    const { autoscaler, lines } = run({
      apply: async () => {
        tries += 1;
        if (tries < 3) throw new Error("no room");
      },
    });
    await pass(2_000);
    expect(autoscaler.report().driver).toEqual({ kind: "test", failures: 2, fault: "Error: no room" });
    await pass(1_000);
    expect(autoscaler.report()).toMatchObject({
      decision: { action: { kind: "add" } },
      driver: { failures: 2, fault: undefined },
    });
    expect(lines.filter((line) => line.includes("failed"))).toEqual([
      "autoscale the driver test failed: Error: no room",
    ]);
    await autoscaler.stop();
  });

  test("decides nothing while it is paused, nor while the driver is at work", async () => {
    const { autoscaler, applied } = run({});
    autoscaler.pause("deploy");
    await pass(5_000);
    expect(applied).toEqual([]);
    expect(autoscaler.report().paused).toBe("deploy");
    autoscaler.resume();
    await pass(1_000);
    expect(applied).toHaveLength(1);
    await autoscaler.stop();
    let calls = 0;
    const slow = run({
      apply: () => {
        calls += 1;
        return new Promise(() => {});
      },
    });
    await pass(5_000);
    expect(calls).toBe(1);
    await slow.autoscaler.stop();
  });
});

describe("the driver of processes", () => {
  /** A fleet that does at once what it is told. */
  const makeDriver = (nodes: readonly string[]) => {
    const present = new Map(nodes.map((name) => [name, "ready" as NodeReport["stage"]]));
    const said: string[] = [];
    const kept = { cancel: true };
    const fleet = {
      reports: () => [...present].map(([name, stage]): NodeReport => ({ name, stage })),
      addNode: async (_options: object, onName: (name: string) => void = () => {}) => {
        const name = `n${present.size + 1}`;
        present.set(name, "starting");
        onName(name);
        if (name === "n9") throw new Error("n9 did not start");
        return name;
      },
      drainNode: (name: string, _options: DrainNodeOptions): Promise<Departure> => {
        if (!present.has(name)) throw new Error(`no node ${name}`);
        present.set(name, "draining");
        return new Promise(() => {});
      },
      cancelDrain: async (name: string) => {
        if (!kept.cancel) throw new Error(`${name} is gone`);
        present.set(name, "ready");
      },
    };
    const driver = processDriver({ fleet, drainMsMax: 1_000, err: (line) => said.push(line) });
    const apply = (action: AutoscaleAction, desired: number) =>
      driver.apply({ atMs: 0, current: 0, desired, action, wishes: [], restraints: [] });
    return { driver, apply, present, said, kept };
  };

  test("brings the fleet to the number, however often it is told", async () => {
    const { apply, present } = makeDriver(["n1", "n2"]);
    await apply({ kind: "add", count: 2 }, 4);
    await apply({ kind: "add", count: 2 }, 4);
    await apply({ kind: "add", count: 1 }, 3);
    await apply({ kind: "hold" }, 1);
    expect([...present.keys()]).toEqual(["n1", "n2", "n3", "n4"]);
  });

  test("drains one, remembers whom, and calls it off; one that is gone is made up for", async () => {
    const { driver, apply, present, said, kept } = makeDriver(["n1", "n2", "n3"]);
    await apply({ kind: "drain", name: "n2" }, 2);
    await apply({ kind: "drain", name: "n3" }, 2);
    expect(present.get("n3")).toBe("ready");
    expect(driver.recallable()).toEqual(["n2"]);
    await apply({ kind: "keep", names: ["n2"], add: 0 }, 3);
    expect([...present.values()]).toEqual(["ready", "ready", "ready"]);
    await apply({ kind: "drain", name: "n2" }, 2);
    kept.cancel = false;
    await apply({ kind: "keep", names: ["n2"], add: 0 }, 3);
    expect(present.get("n4")).toBe("starting");
    expect(said).toEqual(["autoscale n2 is gone"]);
  });

  test("fails when there is no such node; of one that does not start it tells", async () => {
    const { apply, said } = makeDriver(["n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8"]);
    await expect(apply({ kind: "drain", name: "n0" }, 7)).rejects.toMatchObject({
      code: "scale_driver_failed",
    });
    await apply({ kind: "add", count: 1 }, 9);
    await pass();
    expect(said).toEqual(["autoscale a new node failed: n9 did not start"]);
  });
});

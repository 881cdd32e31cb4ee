import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LoadReport } from "../../src/load.js";
import { fixture, type Program, runSimurgh, simurgh } from "../support/program.js";
import { until } from "../support/wait.js";

let folder = "";
let node: Program;
let url = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "load-"));
  node = simurgh(["node", fixture("room-app.mjs"), "--port", "0"]);
  const [, address = ""] = /(http:\/\/\S+)/.exec(await node.line("n1@127.0.0.1 listens")) ?? [];
  url = `${address.replace("http", "ws")}/socket`;
});

afterAll(async () => {
  node.child.kill("SIGTERM");
  await node.ended;
  await rm(folder, { recursive: true });
});

async function reportOf(name: string): Promise<LoadReport> {
  return JSON.parse(await readFile(join(folder, name), "utf8"));
}

const tiny = ["--connections", "6", "--ramp", "100", "--duration", "1s", "--workers", "1"];

describe("a run that cannot be whole", () => {
  it("ends in bounded time when nobody joins, and says why", async () => {
    const scenario = join(folder, "scenario.json");
    const nowhere = { url: "ws://127.0.0.1:1/socket", connections: 5, limits: { ramp: "500ms" } };
    await writeFile(scenario, JSON.stringify(nowhere));
    const run = await runSimurgh(["load", scenario, "--workers", "1", "--json", join(folder, "nobody.json")]);
    expect(run.code, run.stderr).toBe(1);
    expect(run.stdout).toContain("No client joined");
    expect(run.stdout).toContain("connect: ECONNREFUSED");
    expect(await reportOf("nobody.json")).toMatchObject({ ended: "nobody joined", measuredFromS: null });
  });

  it("reports what there is when it is interrupted", async () => {
    const json = join(folder, "interrupted.json");
    const run = simurgh(["load", "--url", url, ...tiny, "--duration", "10m", "--rate", "20", "--json", json]);
    await until(() => run.stderr.includes("clients have joined"), "the clients to join", 40_000);
    run.child.kill("SIGINT");
    expect((await run.ended).code, run.stderr).toBe(130);
    expect(run.stdout).toContain("The run was interrupted");
    expect(await reportOf("interrupted.json")).toMatchObject({ ended: "interrupted", totals: { joined: 6 } });
  });
});

describe("workers of other machines", () => {
  const env = { SIMURGH_SECRET: "a secret of the test" };

  it("join a coordinator and share the run", async () => {
    const flags = ["--workers", "0", "--listen", "127.0.0.1:0", "--remote-workers", "2"];
    const json = join(folder, "joined.json");
    const coordinator = simurgh(
      ["load", "--url", url, ...tiny, ...flags, "--rate", "20", "--json", json],
      env,
    );
    const port = await until(
      () => /at port (\d+)/.exec(coordinator.stderr)?.[1],
      "the coordinator's port",
      40_000,
    );
    const joining = ["load", "worker", "--join", `127.0.0.1:${port}`];
    const workers = [simurgh(joining, env), simurgh(joining, env)];
    const stranger = await simurgh(joining, { SIMURGH_SECRET: "not what the others know" }).ended;
    expect(stranger.code).toBe(1);
    expect((await coordinator.ended).code, coordinator.stderr).toBe(0);
    expect(await Promise.all(workers.map(({ ended }) => ended))).toMatchObject([{ code: 0 }, { code: 0 }]);
    const report = await reportOf("joined.json");
    expect(report.totals.counters).toMatchObject({ published: 20, delivered: 120, lost: 0 });
    expect(report.workers.map(({ clients }) => clients)).toEqual([3, 3]);
  });
});

describe("the ready scenarios", () => {
  const names = ["chat", "lobby", "storm", "deploy", "presence", "soak", "ramp-to-limit"];

  it.concurrent.each(names)("%s runs at a tiny size", async (name) => {
    const [file, json] = [`examples/load/${name}.mjs`, join(folder, `${name}.json`)];
    const small = [...tiny.map((flag) => (flag === "1s" ? "500ms" : flag)), "--rate", "20", "--churn", "2"];
    const env = { FROM: "6", TO: "6", BOUND: "lost == 0" };
    const run = await runSimurgh(["load", file, "--url", url, ...small, "--json", json], env);
    const report = await reportOf(`${name}.json`);
    expect(report, run.stderr).toMatchObject({ ended: "done", totals: { joined: 6 } });
    expect(report.totals.counters).toMatchObject({ lost: 0, duplicated: 0, nonsense: 0 });
    expect(report.totals.counters.delivered).toBeGreaterThan(0);
  });
});

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LoadReport } from "../../src/load.js";
import { fixture, type Program, runSimurgh, simurgh } from "../support/program.js";

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

async function reportOf(file: string): Promise<LoadReport> {
  return JSON.parse(await readFile(file, "utf8"));
}

describe("simurgh load", () => {
  it("takes the flags that scripts use, and writes both reports", async () => {
    const [json, html] = [join(folder, "report.json"), join(folder, "report.html")];
    const flags = `--connections 40 --ramp 200 --duration 2s --rate 20 --topic room:lobby --event shout --json ${json} --html ${html}`;
    const run = await runSimurgh([
      "load",
      "--url",
      url,
      ...flags.split(" "),
      "--workers",
      "2",
      "--assert",
      "lost == 0",
    ]);
    expect(run.code, run.stderr).toBe(0);
    expect(run.stdout).toMatch(/^The generator /);
    expect(run.stderr).toContain("40 clients have joined");
    const report = await reportOf(json);
    expect(report).toMatchObject({ format: "simurgh-load", version: 1, ended: "done" });
    expect(report.totals.counters).toMatchObject({
      published: 40,
      expected: 1_600,
      delivered: 1_600,
      lost: 0,
    });
    expect(report.totals.latencies.broadcast?.count).toBe(1_600);
    expect(report.asserts).toEqual([{ text: "lost == 0", value: 0, passed: true }]);
    expect(await readFile(html, "utf8")).toMatch(/^<!doctype html>/);
  });

  it("ends with 1 when an assertion fails", async () => {
    const run = await runSimurgh([
      ...[
        "load",
        "--url",
        url,
        "--connections",
        "2",
        "--duration",
        "300ms",
        "--rate",
        "10",
        "--workers",
        "1",
      ],
      ...["--assert", "broadcast.p50 < 1us"],
    ]);
    expect(run.code, run.stderr).toBe(1);
    expect(run.stdout, run.stderr).toContain("FAIL  broadcast.p50 < 1us");
  });

  it("names a wrong flag and what was expected", async () => {
    const run = await runSimurgh(["load", "--url", "http://x", "--connections", "many"]);
    expect(run.code).toBe(1);
    expect(run.stderr).toContain("url: expected an address such as ws://localhost:4000/socket");
    expect(run.stderr).toContain('connections: expected a whole number from 1 to 10000000, found "many"');
  });
});

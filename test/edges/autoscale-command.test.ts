import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, CommanderError } from "commander";
import { afterAll, describe, expect, it, vi } from "vitest";
import { addAutoscale } from "../../src/cli/commands/autoscale.js";
import { SimurghError } from "../../src/runtime/errors.js";

const folder = mkdtempSync(join(tmpdir(), "simurgh-simulate-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, content: string | object): string => {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
};

/** Runs the command in this process, which is quicker than to start one. */
async function simulate(...args: readonly string[]) {
  const ended = { code: -1, stdout: "", stderr: "" };
  const program = new Command("simurgh").exitOverride();
  program.configureOutput({
    writeErr: (text) => {
      ended.stderr += text;
    },
  });
  addAutoscale(program, (code) => {
    ended.code = code;
  });
  const spy = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    ended.stdout += String(text);
    return true;
  });
  try {
    await program.parseAsync(["autoscale", "simulate", ...args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError || error instanceof SimurghError)) throw error;
    ended.code = error instanceof SimurghError ? 1 : 2;
    if (error instanceof SimurghError) ended.stderr += error.message;
  } finally {
    spy.mockRestore();
  }
  return ended;
}

const ramp = file("ramp.csv", "seconds,connections\n0,100\n60,9000\n600,100\n1800,100\n");

describe("simurgh autoscale simulate", () => {
  it("prints the course of a recorded load and its figures", async () => {
    const { code, stdout, stderr } = await simulate(ramp);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^TIME +LOAD +NODES +USED +REFUSED$/m);
    expect(stdout).toMatch(/^00:00:00 +9,000 +2 /m);
    expect(stdout).toMatch(/^POLICY +NODE HOURS +MOST NODES +USED +MOST REFUSED/m);
    expect(stdout).toMatch(/^default +0\.\d +2 /m);
  });

  it("compares policies, and writes a page and figures", async () => {
    const [spare, tight] = [
      file("spare.json", { spareNodes: 2 }),
      file("tight.json", { maxNodes: 2, scaleOut: { stepNodes: 1, stepPercent: 0 } }),
    ];
    const [html, json] = [join(folder, "out.html"), join(folder, "out.json")];
    const { code, stdout } = await simulate(
      ...["--scenario", "flash-crowd", "--high", "30000", "--policy", spare, tight],
      ...["--html", html, "--json", json],
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/NODES spare +USED spare +REFUSED spare +NODES tight/);
    const { runs } = JSON.parse(readFileSync(json, "utf8")) as {
      runs: { name: string; summary: { refusedMax: number; nodesMax: number; nodeHours: number } }[];
    };
    expect(runs.map(({ name }) => name)).toEqual(["spare", "tight"]);
    expect(runs[0]?.summary.refusedMax).toBe(0);
    expect(runs[1]?.summary.refusedMax, "two nodes of 12,000 cannot hold 30,000").toBe(6_000);
    expect(runs[1]?.summary.nodeHours).toBeLessThan(runs[0]?.summary.nodeHours ?? 0);
    const page = readFileSync(html, "utf8");
    expect(page.match(/<svg /g)?.length).toBe(4);
    expect(page).toContain("tight");
    expect(page, "nothing comes from elsewhere").not.toMatch(/(src|href)=/);
  });

  it.each([
    ["daily-wave", 0],
    ["node-loss", 1],
    ["metric-outage", 1],
  ])("plays the scenario %s, with what goes wrong in it marked", async (name, marks) => {
    const html = join(folder, `${name}.html`);
    const { code } = await simulate("--scenario", name, "--interval", "30", "--html", html);
    expect(code).toBe(0);
    const page = readFileSync(html, "utf8");
    expect(page.match(/<g class="event kill">/g)?.length ?? 0).toBeGreaterThanOrEqual(marks * 3);
    expect(page.match(/<g class="event kill">/g)?.length ?? 0).toBeLessThanOrEqual(marks * 4);
  });

  it("takes a model of the nodes", async () => {
    const model = file("model.json", { connectionsMax: 4_000, startMs: 60_000 });
    const { stdout } = await simulate(ramp, "--model", model);
    expect(stdout).toMatch(/^default .* [1-9][\d,]* +[1-9][\d,]* +\d+ +0$/m);
  });
});

describe("simurgh autoscale simulate with what cannot be used", () => {
  it("names every field of every policy that is wrong, and why", async () => {
    const [one, two] = [
      file("one.json", { minNodes: 0, tolerance: "much", scaleIn: { stepNodes: 0.5 }, surprise: 1 }),
      file("two.json", { minNodes: 5, maxNodes: 2, signals: { connections: { target: 7 } } }),
    ];
    const { code, stderr } = await simulate("--scenario", "daily-wave", "--policy", one, two);
    expect(code).toBe(1);
    for (const field of ["minNodes", "tolerance", "scaleIn.stepNodes", "surprise"])
      expect(stderr).toMatch(new RegExp(`one\\.json: ${field} (must|is)`));
    expect(stderr).toMatch(/two\.json: maxNodes must not be less than minNodes/);
    expect(stderr).toMatch(/two\.json: signals\.connections\.target must be a number/);
  });

  it.each([
    ["a line of words", "0,1\nten,2\n", /bad\.csv:2: seconds must be a number/],
    ["a time that goes back", "0,1\n5,2\n4,3\n", /bad\.csv:3: seconds must rise/],
    ["a fraction of a connection", "0,1.5\n", /bad\.csv:1: connections must be a whole number/],
    ["a third cell", "0,1,2\n", /bad\.csv:1: expected two numbers/],
    ["nothing", "", /bad\.csv:1: there is no line/],
  ])("names the line of a trace: %s", async (_, text, words) => {
    const { code, stderr } = await simulate(file("bad.csv", text));
    expect([code, stderr]).toEqual([1, expect.stringMatching(words)]);
  });

  it.each([
    [["--scenario", "apocalypse"], 2, /Allowed choices are daily-wave/],
    [[], 1, /either the file of a trace or a --scenario/],
    [[ramp, "--scenario", "daily-wave"], 1, /either the file of a trace or a --scenario/],
    [[ramp, "--interval", "0"], 2, /from 1 to 3600/],
    [[join(folder, "absent.csv")], 1, /absent\.csv cannot be read/],
    [[ramp, "--policy", file("text.json", "{")], 1, /text\.json is no JSON/],
    [[ramp, "--policy", file("list.json", [])], 1, /list\.json: policy must be an object/],
    [[ramp, "--model", file("m.json", { startMs: -1, x: 2 })], 1, /startMs must be[\s\S]*x is not known/],
    [[ramp, "--html", join(folder, "no", "out.html")], 1, /out\.html cannot be written/],
    [["--scenario", "daily-wave", "--low", "9", "--high", "3"], 1, /--low must not be more/],
  ])("says what is wrong: %j", async (args, wanted, words) => {
    const { code, stderr } = await simulate(...args);
    expect([code, stderr]).toEqual([wanted, expect.stringMatching(words)]);
  });
});

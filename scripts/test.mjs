/**
 * `npm test [-- layer…]`: installs what is missing, builds, type-checks, lints, runs the layers of the suite in
 * their order. Needs nothing but Node to begin with. Its last line is the count.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { installServers } from "./lib/install-servers.mjs";
import { layers } from "./lib/layers.mjs";
import { run } from "./lib/run.mjs";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const inCi = process.env.CI === "true";
const scratch = mkdtempSync(join(tmpdir(), "simurgh-test-"));
const skipNotes = join(scratch, "skips");
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));

const npm = process.platform === "win32" ? "npm.cmd" : "npm";
const bin = (/** @type {string} */ name) => join("node_modules", ".bin", name);
// What we run writes into a pipe and cannot know where its output ends up.
const color = process.stdout.isTTY ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" };
const env = { ...process.env, ...color, SIMURGH_SKIP_NOTES: skipNotes };
const count = { passed: 0, failed: 0, skipped: 0 };

/**
 * Runs one stage, prints its result and time, and what it has to say besides.
 * @param {string} name
 * @param {() => Promise<{ ok: boolean, note?: string, output: string }>} work
 */
async function stage(name, work) {
  const from = performance.now();
  const { ok, note = "", output } = await work();
  const seconds = ((performance.now() - from) / 1000).toFixed(1);
  console.log(`${name.padEnd(10)} ${ok ? "ok    " : "FAILED"} ${`${seconds} s`.padStart(8)}  ${note}`);
  if (output !== "") console.log(`${output.trimEnd()}\n`);
  return ok;
}

/**
 * A stage of commands one after the other; it fails, and counts as one failure, with the first that fails.
 * @param {string} name
 * @param {readonly (readonly [string, ...string[]])[]} commands
 */
async function commandStage(name, commands) {
  const ok = await stage(name, async () => {
    for (const [command, ...args] of commands) {
      const { code, output } = await run(command, args, { env });
      if (code !== 0) return { ok: false, output: `${command} ${args.join(" ")}\n${output}` };
    }
    return { ok: true, output: "" };
  });
  if (!ok) count.failed += 1;
  return ok;
}

/** Folders of consumers that have a TypeScript project of their own. */
function consumerProjects() {
  const folders = ["examples", "bench"].filter((folder) => existsSync(folder));
  const below = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
  return [...folders, ...below].map((path) => join(path, "tsconfig.json")).filter((path) => existsSync(path));
}

/** @param {string} path a file of vitest's JSON reporter */
function readCounts(path) {
  if (!existsSync(path)) return undefined;
  const report = JSON.parse(readFileSync(path, "utf8"));
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/**
 * What the tests of a layer measured, to be shown though they pass.
 * @param {string} path
 */
function readReport(path) {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

/** @param {import("./lib/layers.mjs").Layer} layer */
function layerStage(layer) {
  return stage(layer.name, async () => {
    const results = join(scratch, `${layer.name}.json`);
    // Whoever asks for a layer wants to see all of it.
    const events = chosen === layers ? "0" : "1";
    const report = join(scratch, `${layer.name}.report`);
    const layerEnv = { ...env, SIMURGH_REPORT: report, SIMURGH_REPORT_EVENTS: events };
    const { code, output } = await run(
      bin("vitest"),
      [
        "run",
        "--project",
        layer.name,
        "--reporter=default",
        "--reporter=json",
        `--outputFile.json=${results}`,
      ],
      { env: layerEnv },
    );
    const counts = readCounts(results) ?? { passed: 0, failed: 0, skipped: 0 };
    // A suite that does not load, or an error outside of any test, fails the run without a failed test.
    if (code !== 0 && counts.failed === 0) counts.failed = 1;
    count.passed += counts.passed;
    count.failed += counts.failed;
    count.skipped += counts.skipped;
    const parts = [`${counts.passed} passed`];
    if (counts.failed > 0) parts.push(`${counts.failed} failed`);
    if (counts.skipped > 0) parts.push(`${counts.skipped} skipped`);
    const ok = counts.failed === 0;
    return { ok, note: parts.join(", "), output: `${readReport(report)}${ok ? "" : output}` };
  });
}

async function programsStage() {
  await stage("programs", async () => {
    const { missing, advice } = await installServers();
    if (missing.length === 0) return { ok: true, note: "all there", output: "" };
    if (inCi) count.failed += missing.length;
    return { ok: !inCi, note: `missing: ${missing.join(", ")}`, output: advice };
  });
}

/** @param {string[]} names */
function chooseLayers(names) {
  const unknown = names.filter((name) => !layers.some((layer) => layer.name === name));
  if (unknown.length > 0) {
    console.error(`no such layer: ${unknown.join(", ")}; there are ${layers.map((l) => l.name).join(", ")}`);
    process.exit(2);
  }
  return names.length === 0 ? layers : layers.filter((layer) => names.includes(layer.name));
}

/**
 * Layers in their order, those together that run beside each other.
 * @param {readonly import("./lib/layers.mjs").Layer[]} inOrder
 */
function groupsOf(inOrder) {
  /** @type {import("./lib/layers.mjs").Layer[][]} */
  const groups = [];
  let open = false;
  for (const layer of inOrder) {
    if (open) groups.at(-1)?.push(layer);
    else groups.push([layer]);
    open = layer.beside === true;
  }
  return groups;
}

function finish() {
  if (existsSync(skipNotes)) {
    const reasons = new Set(readFileSync(skipNotes, "utf8").trim().split("\n"));
    for (const reason of reasons) console.log(`skipped: ${reason}`);
  }
  console.log(`${"total".padEnd(10)}        ${`${(performance.now() / 1000).toFixed(1)} s`.padStart(8)}`);
  const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : "";
  console.log(`${count.passed} passed, ${count.failed} failed${skipped}`);
  process.exitCode = count.failed > 0 ? 1 : 0;
}

const chosen = chooseLayers(process.argv.slice(2));
const prepared = await commandStage("prepare", [
  [process.execPath, "scripts/prepare.mjs", "--packages-only"],
]);
if (prepared) {
  if (chosen.some((layer) => layer.servers)) await programsStage();
  await commandStage("build", [[npm, "run", "--silent", "build"]]);
  if (chosen === layers) {
    const projects = ["test/tsconfig.json", ...consumerProjects()];
    const checks = projects.map((path) => /** @type {const} */ ([bin("tsc"), "-p", path, "--noEmit"]));
    await commandStage("types", [[bin("tsc"), "-b"], ...checks]);
    await commandStage("lint", [[bin("biome"), "check", "."]]);
  }
  for (const group of groupsOf(chosen)) await Promise.all(group.map(layerStage));
}
finish();

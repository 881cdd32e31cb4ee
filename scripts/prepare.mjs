/**
 * Makes a clone ready to run, with nothing but Node: installs the packages of the lockfile and builds, each only when
 * that is not done yet. Says nothing when there is nothing to do. With `--packages-only` it does not build.
 */
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { isBuilt, isInstalled, stampInstalled } from "./lib/freshness.mjs";
import { exclusively } from "./lib/lock.mjs";
import { run } from "./lib/run.mjs";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

/** The npm that runs this script, or else the one of the search path. */
function npm() {
  const { npm_execpath: path = "" } = process.env;
  return basename(path) === "npm-cli.js" ? [process.execPath, path] : ["npm"];
}

/**
 * @param {string} what is being done
 * @param {readonly string[]} command
 */
async function step(what, [command = "", ...args]) {
  process.stderr.write(`${what} …\n`);
  const { code, output } = await run(command, args, { limitMs: 900_000 });
  if (code === 0) return;
  process.stderr.write(`${output}\n${what} failed\n`);
  process.exit(1);
}

const packagesOnly = process.argv.includes("--packages-only");
const isReady = () => isInstalled() && (packagesOnly || isBuilt());

if (!isReady()) {
  await exclusively(".simurgh/prepare.lock", async () => {
    // Another process may have done it while this one waited.
    if (!isInstalled()) {
      await step("installing packages", [...npm(), "ci", "--include=dev"]);
      stampInstalled();
    }
    if (!isReady()) await step("building", [process.execPath, "scripts/build.mjs"]);
  });
}

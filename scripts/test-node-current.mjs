/**
 * `npm run test:node-current [-- version]`: runs the layers that need nothing but Node on a current release of Node.
 * The binary comes from npm's packages of Node itself, into a cache that is neither committed nor published.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { layers } from "./lib/layers.mjs";
import { run } from "./lib/run.mjs";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const version = process.argv[2] ?? "latest";
const cache = join("node_modules", ".cache", "node-current", version.replaceAll(/[^\w.-]/g, "_"));
const platform = process.platform === "win32" ? "win" : process.platform;
const packageName = `node-${platform}-${process.arch}`;
const binary = join(cache, "node_modules", packageName, "bin", platform === "win" ? "node.exe" : "node");

/**
 * Runs a command to its end, shows what it printed, and leaves when it failed.
 * @param {string} command
 * @param {readonly string[]} args
 */
async function must(command, args) {
  const { code, output } = await run(command, args);
  process.stdout.write(output);
  if (code !== 0) process.exit(code);
}

if (!existsSync(binary)) {
  mkdirSync(cache, { recursive: true });
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const options = ["--prefix", cache, "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"];
  await must(npm, ["install", ...options, `${packageName}@${version}`]);
}
const projects = layers.filter(({ servers }) => !servers).flatMap(({ name }) => ["--project", name]);
await must(binary, ["--version"]);
await must(binary, [join("node_modules", "vitest", "vitest.mjs"), "run", ...projects]);

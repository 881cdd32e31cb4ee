/** Builds the package, the bench and the examples. Says nothing when all is well. */
import { chmodSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildAndStamp, consumers } from "./lib/freshness.mjs";
import { run } from "./lib/run.mjs";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

/**
 * Runs one step of the build; its output is of interest only when it fails.
 * @param {string} command
 * @param {readonly string[]} args
 */
async function step(command, args) {
  const { code, output } = await run(command, args);
  if (code === 0) return;
  process.stderr.write(output);
  process.exit(1);
}

/** Removes what was built from sources that are no more: it would be published, and found by imports. */
function prune() {
  if (!existsSync("dist")) return;
  for (const path of readdirSync("dist", { recursive: true, encoding: "utf8" })) {
    const stem = path.match(/^(.*?)\.(d\.ts|js|js\.map|d\.ts\.map)$/)?.[1];
    if (stem !== undefined && !existsSync(join("src", `${stem}.ts`))) rmSync(join("dist", path));
  }
}

await buildAndStamp(async () => {
  prune();
  await step(join("node_modules", ".bin", "tsc"), ["-b"]);
  for (const folder of consumers()) {
    if (folder !== "bench" && existsSync(join(folder, "tsconfig.json"))) {
      await step(join("node_modules", ".bin", "tsc"), ["-b", folder]);
    }
    const script = join(folder, "build.mjs");
    if (existsSync(script)) await step(process.execPath, [script]);
  }
  chmodSync("dist/cli/main.js", 0o755);
});

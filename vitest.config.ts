import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { layers } from "./scripts/lib/layers.mjs";

const root = fileURLToPath(new URL(".", import.meta.url));
const { exports: entries } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));

/** Tests run on the sources: each public entry stands for the source file that its build comes from. */
const alias = Object.entries<string | { default: string }>(entries).flatMap(([entry, target]) => {
  if (typeof target === "string") return [];
  const source = target.default.replace("./dist/", `${root}src/`).replace(/\.js$/, ".ts");
  return [{ find: new RegExp(`^${entry.replace(".", "simurgh")}$`), replacement: source }];
});

export default defineConfig({
  resolve: { alias },
  test: {
    passWithNoTests: true,
    projects: layers.map((layer) => ({
      resolve: { alias },
      test: {
        name: layer.name,
        include: [`test/${layer.name}/**/*.test.ts`],
        testTimeout: layer.testTimeoutMs,
        hookTimeout: layer.testTimeoutMs,
        maxWorkers: layer.workers,
      },
    })),
  },
});

import { describe, expect, it } from "vitest";
import { readRepository } from "./repository.js";
import { allRules, breaks } from "./rules/all.js";
import { findCycles } from "./rules/cycles.js";

const files = readRepository();

describe("every file keeps the rules of the house", () => {
  it("finds the files it is to judge", () => {
    const paths = files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining(["package.json", "src/runtime/errors.ts", "scripts/test.mjs"]),
    );
    expect(paths.filter((path) => path.includes("node_modules"))).toEqual([]);
  });

  it.each(allRules())("$name", (rule) => {
    const found = files.flatMap((file) => breaks(rule, file));
    if (found.length > 0) expect.fail(`broken ${found.length} times:\n${found.join("\n")}`);
  });

  it("no cycles", () => {
    const cycles = findCycles(files.filter(({ path }) => path.startsWith("src/")));
    if (cycles.length > 0) expect.fail(`files import each other:\n${cycles.join("\n")}`);
  });
});

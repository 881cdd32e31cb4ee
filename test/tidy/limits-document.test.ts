import { describe, expect, it } from "vitest";
import { Counters } from "../../src/runtime/counters.js";
import { socketLimitDefaults } from "../../src/runtime/endpoint-options.js";
import { limitTable } from "../../src/runtime/limits/limit-table.js";
import { nodeLimitDefaults } from "../../src/runtime/limits/node-limits.js";
import { readText } from "./repository.js";

/** The cells of the rows of the table under one heading. */
function rows(page: string, heading: string): string[][] {
  const [, after = ""] = page.split(`\n## ${heading}\n`);
  const section = after.split("\n## ")[0] ?? "";
  return [...section.matchAll(/^\| (.+) \|$/gm)].map(([, line = ""]) =>
    line.split(" | ").map((c) => c.trim()),
  );
}

const written = (value: number): string => (value === Infinity ? "none" : value.toLocaleString("en-US"));

describe("docs/limits.md", () => {
  it("lists every limit, and no other, with its default, counter and effect", () => {
    const [, , ...listed] = rows(readText("docs/limits.md"), "All of them");
    const expected = limitTable.map(({ option, of, value, counter, effect }) => [
      `\`${option}\``,
      of,
      written(value),
      `\`${counter}\``,
      effect,
    ]);
    expect(listed).toEqual(expected);
  });

  it("names counters that there are", () => {
    const counters = Object.keys(new Counters().snapshot());
    expect(limitTable.filter(({ counter }) => !counters.includes(counter))).toEqual([]);
  });

  it("has every limit of a socket and of a node in its table", () => {
    const named = (of: string) =>
      limitTable.flatMap((row) =>
        row.of === of && row.option.startsWith("limits.") ? [row.option.slice("limits.".length)] : [],
      );
    expect(named("mount").toSorted()).toEqual(Object.keys(socketLimitDefaults).toSorted());
    expect(named("endpoint").toSorted()).toEqual(Object.keys(nodeLimitDefaults).toSorted());
  });
});

describe("the reader of the table", () => {
  it("sees a cell that is wrong", () => {
    expect(rows("# T\n\n## A\n\n| `x` | 1 |\n| --- | --- |\n\n## B\n| y | 2 |\n", "A")).toEqual([
      ["`x`", "1"],
      ["---", "---"],
    ]);
  });
});

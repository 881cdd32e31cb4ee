import { describe, expect, it } from "vitest";
import { errorTable } from "../../src/runtime/errors.js";
import { readText } from "./repository.js";
import { publicEntryFiles } from "./rules/all.js";

/** Rows of all tables in a page whose first cell is one name in backquotes: name and second cell. */
function tableRows(page: string): [string, string][] {
  return [...page.matchAll(/^\| `([^`]+)` +\| +(.*?) +\|/gm)].map(([, name = "", text = ""]) => [name, text]);
}

/** The part of a page under one heading of the second level. */
function section(page: string, heading: string): string {
  const [, after = ""] = page.split(`\n## ${heading}\n`);
  return after.split("\n## ")[0] ?? "";
}

describe("documents say what the program does", () => {
  it("lists every error code with its meaning, and no other, in docs/errors.md", () => {
    expect(Object.fromEntries(tableRows(readText("docs/errors.md")))).toEqual(errorTable);
  });

  it("lists every public entry, and no other, in docs/architecture.md under Entries", () => {
    const documented = tableRows(section(readText("docs/architecture.md"), "Entries")).map(([name]) => name);
    const exported = [...publicEntryFiles().keys()].filter((entry) => entry !== "simurgh/package.json");
    expect(documented.toSorted()).toEqual(exported.toSorted());
  });
});

describe("the reader of tables", () => {
  it("sees a row that is wrong, too many or missing", () => {
    expect(tableRows("| Code | Meaning |\n|---|---|\n| `a_b` | Text. |\n| no code | x |\n")).toEqual([
      ["a_b", "Text."],
    ]);
  });

  it("reads one section only", () => {
    expect(section("# T\n\n## Entries\n| `a` | x |\n\n## Other\n| `b` | y |\n", "Entries")).toBe(
      "| `a` | x |\n",
    );
  });
});

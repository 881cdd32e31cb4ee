import { describe, expect, it } from "vitest";
import { listFiles, readText } from "./repository.js";

/** The part of a page under one heading of the second level. */
function section(page: string, heading: string): string {
  const [, after = ""] = page.split(`\n## ${heading}\n`);
  return after.split("\n## ")[0] ?? "";
}

/** The rows of all tables, without heads and rules. */
function rows(text: string): string[][] {
  const lines = [...text.matchAll(/^\| (.+) \|$/gm)].map(([, line = ""]) =>
    line.split(" | ").map((cell) => cell.trim()),
  );
  return lines.filter((_cells, index) => ![index, index + 1].some((i) => /^-+$/.test(lines[i]?.[0] ?? "")));
}

/** File and names of tests in a cell like "`file`: one name; another". Undefined: it is no such cell. */
function testsOf(cell = ""): { readonly file: string; readonly names: readonly string[] } | undefined {
  const [, file = "", names = ""] = /^`([a-z-]+)`: (.+)$/.exec(cell) ?? [];
  return file === "" ? undefined : { file: `test/servers/${file}.test.ts`, names: names.split("; ") };
}

describe("docs/attacks.md", () => {
  const attacks = rows(readText("docs/attacks.md"));
  const tests = attacks.map((cells) => testsOf(cells[3]));

  it("says of every attack what the client sees, what the log says, and which tests there are", () => {
    expect(attacks.filter((cells, index) => cells.length !== 4 || tests[index] === undefined)).toEqual([]);
    expect(attacks.length).toBeGreaterThanOrEqual(60);
  });

  it("names tests that there are", () => {
    const known = new Set(listFiles("test/servers/"));
    const missing = tests.flatMap((one) => {
      if (one === undefined || !known.has(one.file)) return [one?.file];
      const text = readText(one.file);
      return one.names.filter((name) => !text.includes(`"${name}"`));
    });
    expect(missing).toEqual([]);
  });
});

describe("SECURITY.md", () => {
  const [always = "", byNeed = ""] = section(readText("SECURITY.md"), "Dependencies").split(
    "\nWhat is installed only",
  );
  const packages = (text: string) =>
    rows(text)
      .map(([name = ""]) => name.replaceAll("`", ""))
      .toSorted();
  const manifest = JSON.parse(readText("package.json"));

  it("lists every dependency, and no other, with the reason for it", () => {
    expect(packages(always)).toEqual(Object.keys(manifest.dependencies).toSorted());
    expect(packages(byNeed)).toEqual(Object.keys(manifest.peerDependencies).toSorted());
    expect(rows(always + byNeed).filter(([, reason = ""]) => reason.length < 15)).toEqual([]);
  });

  it("says which packages these bring along, all the way down", () => {
    const locked: Record<string, { dependencies?: object }> = JSON.parse(
      readText("package-lock.json"),
    ).packages;
    const found = new Set<string>();
    const follow = (name: string): void => {
      for (const next of Object.keys(locked[`node_modules/${name}`]?.dependencies ?? {})) {
        if (!found.has(next)) follow(next);
        found.add(next);
      }
    };
    for (const name of Object.keys(manifest.dependencies)) follow(name);
    const [, told = ""] = /brings along (.+?)[;.]/s.exec(always) ?? [];
    expect([...told.matchAll(/`([^`]+)`/g)].map(([, name]) => name).toSorted()).toEqual(
      [...found].toSorted(),
    );
  });
});

describe("the readers of these pages", () => {
  it("see a row, and no head or rule", () => {
    expect(rows("| A | B |\n| --- | --- |\n| x | y |\n\n| `C` | D |\n| - | - |\n| `z` | - |\n")).toEqual([
      ["x", "y"],
      ["`z`", "-"],
    ]);
  });

  it("see file and names of tests, and cells without them", () => {
    expect(testsOf("`some-file`: one: 1; two")).toEqual({
      file: "test/servers/some-file.test.ts",
      names: ["one: 1", "two"],
    });
    expect(testsOf("see there")).toBeUndefined();
  });
});

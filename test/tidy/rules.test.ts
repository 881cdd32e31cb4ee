import { describe, expect, it } from "vitest";
import { allRules, breaks } from "./rules/all.js";
import { findCycles } from "./rules/cycles.js";
import { exportDocs } from "./rules/export-docs.js";
import { importLaw, publicEntries, reExports } from "./rules/import-law.js";
import { fileLength, functionLength, syntax } from "./rules/size.js";
import { noSkips, noSleep, testLayers } from "./rules/test-habits.js";
import { timeAndChance } from "./rules/time-and-chance.js";
import { castReasons, typeHoles } from "./rules/type-safety.js";
import { ownWords, unfinishedMarks } from "./rules/words.js";
import { type Rule, sourceFile } from "./source-file.js";

const entries = publicEntries(["simurgh", "simurgh/testing"]);
const entryFiles = reExports(["src/index.ts"]);
const knownLayers = testLayers(["core", "edges"]);
const linesOf = (count: number, line = "f();") => Array.from({ length: count }, () => line).join("\n");
const functionOf = (lines: number) => `const f = () => {\n${linesOf(lines - 2)}\n};`;

/** A planted offence: the rule, where, what, and the line on which it must be found. */
type Planted = readonly [rule: Rule, path: string, text: string, line: number];

const offences: readonly Planted[] = [
  [syntax, "src/core/a.ts", "f();\nconst = 1;", 2],
  [importLaw, "src/core/a.ts", 'import { b } from "../contracts/b.js";', 1],
  [importLaw, "src/core/a.ts", '\nimport type { b } from "../runtime/b.js";', 2],
  [importLaw, "src/core/a.ts", 'import { readFileSync } from "node:fs";', 1],
  [importLaw, "src/core/a.ts", 'const x = await import("../edges/system/clock.js");', 1],
  [importLaw, "src/core/a.ts", 'type X = import("../runtime/x.js").X;', 1],
  [importLaw, "src/contracts/a.ts", 'import { x } from "../runtime/x.js";', 1],
  [importLaw, "src/contracts/a.ts", 'import { WebSocket } from "ws";', 1],
  [importLaw, "src/runtime/a.ts", 'import { x } from "../edges/system/clock.js";', 1],
  [importLaw, "src/runtime/a.ts", 'import { x } from "../auth/token.js";', 1],
  [importLaw, "src/auth/a.ts", 'import { x } from "../runtime/endpoint.js";', 1],
  [importLaw, "src/auth/a.ts", 'import { x } from "../edges/system/random.js";', 1],
  [importLaw, "src/edges/pubsub/a.ts", 'import { x } from "../transports/ws.js";', 1],
  [importLaw, "src/edges/pubsub/mesh/a.ts", 'import { x } from "../nats/b.js";', 1],
  [importLaw, "src/edges/pubsub/a.ts", 'import { x } from "../../cli/main.js";', 1],
  [importLaw, "src/edges/pubsub/a.ts", 'export * from "../../testing/index.js";', 1],
  [importLaw, "src/runtime/a.ts", 'import x from "../../package.json";', 1],
  [importLaw, "src/index.ts", 'export { x } from "./cli/main.js";', 1],
  [importLaw, "src/helpers/a.ts", 'import { x } from "../core/x.js";', 1],
  [entries, "examples/chat/a.ts", 'import { x } from "../../src/index.js";', 1],
  [entries, "examples/chat/a.ts", 'import { x } from "simurgh/dist/core/x.js";', 1],
  [entries, "bench/a.ts", 'import { x } from "../dist/index.js";', 1],
  [entryFiles, "src/core/index.ts", 'export * from "./a.js";', 1],
  [entryFiles, "src/core/a.ts", 'f();\nexport type { B } from "./b.js";', 2],
  [fileLength, "src/core/a.ts", linesOf(501), 501],
  [fileLength, "test/core/a.test.ts", linesOf(501), 501],
  [functionLength, "src/core/a.ts", functionOf(71), 1],
  [functionLength, "src/core/a.ts", `class A {\n  m() {\n${linesOf(70)}\n  }\n}`, 2],
  [functionLength, "test/core/a.test.ts", `it("x", () => {\n${linesOf(70)}\n});`, 1],
  [functionLength, "test/core/a.test.ts", `describe("x", () => {\n${linesOf(70)}\n});`, 1],
  [timeAndChance, "src/core/a.ts", "f(Date.now());", 1],
  [timeAndChance, "src/core/a.ts", "const now = Date.now;", 1],
  [timeAndChance, "src/core/a.ts", "f(new Date());", 1],
  [timeAndChance, "src/runtime/a.ts", "\nf(Math.random());", 2],
  [timeAndChance, "src/runtime/a.ts", "setTimeout(f, 1);", 1],
  [timeAndChance, "src/runtime/a.ts", "globalThis.setTimeout(f, 1);", 1],
  [timeAndChance, "src/runtime/a.ts", "const after = { setInterval };", 1],
  [timeAndChance, "src/testing/a.ts", "f(performance.now());", 1],
  [timeAndChance, "src/auth/a.ts", 'import { randomBytes } from "node:crypto";', 1],
  [timeAndChance, "src/runtime/a.ts", 'import { setTimeout as s } from "node:timers/promises";', 1],
  [typeHoles, "src/core/a.ts", "const a: any = 1;", 1],
  [typeHoles, "src/core/a.ts", "f(a!.b);", 1],
  [typeHoles, "src/core/a.ts", "f();\n// @ts-ignore\nf();", 2],
  [typeHoles, "src/core/a.ts", "/* @ts-expect-error because */ f();", 1],
  [typeHoles, "src/core/a.ts", "f(<string>a);", 1],
  [castReasons, "src/core/a.ts", "f();\nconst a = b as string;", 2],
  [castReasons, "src/core/a.ts", "// why\nconst c = b;\n\nconst a = b as string;", 4],
  [castReasons, "src/core/a.ts", "/** F. */\nfunction f() {\n  f();\n  return b as D;\n  // late\n}", 4],
  [exportDocs, "src/core/a.ts", "export const a = 1;", 1],
  [exportDocs, "src/core/a.ts", "// not a doc comment\nexport function f() {}", 2],
  [exportDocs, "src/core/a.ts", "/** @internal */\nexport class C {}", 2],
  [exportDocs, "src/core/a.ts", "/** The file. */\nf();\nexport interface I {}", 3],
  [exportDocs, "src/core/a.ts", "const a = 1;\nexport { a };", 1],
  [exportDocs, "src/core/a.ts", "export default function () {}", 1],
  [exportDocs, "src/core/a.ts", "export type T = 1;", 1],
  [noSleep, "test/core/a.test.ts", "await new Promise((r) => setTimeout(r, 10));", 1],
  [noSleep, "test/core/a.test.ts", "await new Promise((r) => {\n  setTimeout(() => r(1), 10);\n});", 2],
  [
    noSleep,
    "test/core/a.test.ts",
    "await new Promise<void>((go) => { setTimeout(() => { go(); }, 10); });",
    1,
  ],
  [noSleep, "test/core/a.test.ts", 'import { setTimeout } from "node:timers/promises";', 1],
  [noSleep, "test/core/a.test.ts", "const sleep = promisify(setTimeout);", 1],
  [noSleep, "test/core/a.test.ts", "Atomics.wait(a, 0, 0, 10);", 1],
  [noSkips, "test/core/a.test.ts", 'it.skip("x", f);', 1],
  [noSkips, "test/core/a.test.ts", 'f();\ndescribe.only("x", f);', 2],
  [noSkips, "test/core/a.test.ts", 'it.concurrent.only("x", f);', 1],
  [noSkips, "test/core/a.test.ts", 'it.todo("x");', 1],
  [noSkips, "test/core/a.test.ts", 'it.each([1]).skip("x", f);', 1],
  [noSkips, "test/core/a.test.ts", 'xit("x", f);', 1],
  [noSkips, "test/core/a.test.ts", 'describe.skipIf(windows)("x", f);', 1],
  [knownLayers, "test/misc/a.test.ts", "f();", 1],
  [knownLayers, "test/a.test.ts", "f();", 1],
  [knownLayers, "src/core/a.test.ts", "f();", 1],
  [knownLayers, "test/core/a.test.js", "f();", 1],
  [unfinishedMarks, "src/core/a.ts", `f();\n// ${"TO"}${"DO"}: more`, 2],
  [unfinishedMarks, "docs/a.md", `${"FIX"}${"ME"}`, 1],
  [unfinishedMarks, "src/core/a.ts", `throw new Error("not ${"implemented"}");`, 1],
  [ownWords, "docs/a.md", `see ${"/work"}/main/x`, 1],
  [ownWords, "scripts/a.mjs", `read("${"/home"}/ada/x")`, 1],
  [ownWords, "package.json", `"${"registry"}.example.org"`, 1],
  [ownWords, "package-lock.json", `"${"resolved"}": "https://example.org"`, 1],
  [ownWords, "CHANGELOG.md", `fixed ${"issue"} #12`, 1],
];

/** What looks like an offence and is none. */
const innocent: readonly (readonly [rule: Rule, path: string, text: string])[] = [
  [importLaw, "src/core/a/b.ts", 'import { x } from "../c/d.js";'],
  [importLaw, "src/contracts/a.ts", 'import type { S } from "@standard-schema/spec";'],
  [
    importLaw,
    "src/auth/a.ts",
    'import { createHmac } from "node:crypto";\nimport { x } from "../runtime/errors.js";',
  ],
  [importLaw, "src/edges/transports/a.ts", 'import { x } from "../../auth/token.js";'],
  [
    importLaw,
    "src/edges/pubsub/mesh/a.ts",
    'import { x } from "./wire/b.js";\nimport { y } from "../shared.js";',
  ],
  [importLaw, "src/index.ts", 'export type { App } from "./cli/app.js";'],
  [importLaw, "src/index.ts", 'export { x } from "./edges/system/clock.js";'],
  [
    entries,
    "examples/chat/a.ts",
    'import { x } from "simurgh";\nimport { y } from "./src/y.js";\nimport "express";',
  ],
  [entries, "bench/a.ts", 'import { x } from "simurgh/testing";'],
  [entryFiles, "src/index.ts", 'export * from "./core/a.js";'],
  [entryFiles, "src/core/a.ts", "const a = 1;\nexport { a };"],
  [fileLength, "src/core/a.ts", `${linesOf(500)}\n`],
  [functionLength, "src/core/a.ts", functionOf(70)],
  [functionLength, "test/core/a.test.ts", `describe("x", () => {\n${linesOf(100, "it('x', f);")}\n});`],
  [
    functionLength,
    "test/core/a.test.ts",
    `function cases() {\n${linesOf(40, "test.each([1])('x', () => {\n  f();\n});")}\n}`,
  ],
  [timeAndChance, "src/edges/system/a.ts", "setTimeout(f, Date.now() + Math.random());"],
  [timeAndChance, "src/cli/a.ts", "setInterval(f, 1);"],
  [timeAndChance, "src/runtime/a.ts", "queueMicrotask(f);\nsetImmediate(f);\nf(new Date(clock.now()));"],
  [timeAndChance, "src/runtime/a.ts", "socket.setTimeout(0);\nconst a = { setTimeout: 1 };\nclock.now();"],
  [timeAndChance, "src/runtime/a.ts", 'f("Math.random()"); // Date.now()'],
  [typeHoles, "src/core/a.ts", 'const any = !a !== b;\nf("any"); // @ts-check'],
  [typeHoles, "test/core/a.test.ts", "f(a!);"],
  [castReasons, "src/core/a.ts", "const a = [1] as const;\nconst b = c satisfies D;"],
  [castReasons, "src/core/a.ts", "// Checked above.\nconst a = b as string;\nconst c = d as string; // why"],
  [castReasons, "src/core/a.ts", "// Why.\nreturn_(\n  a,\n  b as string,\n);"],
  [castReasons, "src/core/a.ts", "function f() {\n  // Why.\n  f(a as B);\n  f();\n  f(() => c as D);\n}"],
  [exportDocs, "src/core/a.ts", "/** What a is. */\nexport const a = 1;\nconst b = 2;"],
  [exportDocs, "src/core/a.ts", "/** What a is. */\n// biome-ignore x: y\nexport const a = 1;"],
  [
    exportDocs,
    "src/core/a.ts",
    "/**\n * What f does.\n */\nexport function f(): void;\nexport function f() {}",
  ],
  [
    exportDocs,
    "src/core/a.ts",
    "/** What it is. */\nexport default class {}\n/** T. */\ntype T = 1;\nexport { type T };",
  ],
  [
    noSleep,
    "test/core/a.test.ts",
    'new Promise((ok, no) => { s.on("open", ok); setTimeout(() => no(e), 10); });',
  ],
  [noSleep, "test/support/a.ts", "new Promise((r) => setTimeout(r, 10));"],
  [
    noSkips,
    "test/servers/a.test.ts",
    'import { r } from "../support/servers.js";\ndescribe.skipIf(r.missing)("x", f);',
  ],
  [noSkips, "test/core/a.test.ts", 'list.skip(3);\nit("only", f);\nexpect(a).only;'],
  [knownLayers, "test/core/deep/a.test.ts", "f();"],
  [unfinishedMarks, "src/core/a.ts", "const todoList = 1; // to do"],
  [ownWords, "docs/a.md", "https://example.org/work/x, it issues 3 errors, dist/work/x/y, a # 3"],
];

/** Rows with names, for the titles of the tests. */
const titled = <R extends readonly [Rule, string, string, ...unknown[]]>(rows: readonly R[]) =>
  rows.map((row) => [row[0].name, row[1], row[2].slice(0, 60), row] as const);

describe("each rule finds what it forbids", () => {
  it.each(titled(offences))("%s in %s: %j", (_name, _path, _text, [rule, path, text, line]) => {
    const found = breaks(rule, sourceFile(path, text));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(new RegExp(`^${path}:${line}: ${rule.name}: .`));
  });
});

describe("each rule leaves alone what only looks like it", () => {
  it.each(titled(innocent))("%s in %s: %j", (_name, _path, _text, [rule, path, text]) => {
    expect(breaks(rule, sourceFile(path, text))).toEqual([]);
  });
});

describe("cycles of imports", () => {
  const tree = (files: Record<string, string>) =>
    findCycles(Object.entries(files).map(([path, text]) => sourceFile(path, text)));

  it("are found wherever they begin", () => {
    const files = {
      "src/a.ts": 'import { b } from "./x/b.js";',
      "src/x/b.ts": 'export * from "./c.js";',
      "src/x/c.ts": 'const b = await import("./b.js");',
    };
    expect(tree(files)).toEqual(["src/x/b.ts -> src/x/c.ts -> src/x/b.ts"]);
  });

  it("are none when only types go back, or two ways lead to one file", () => {
    expect(tree({ "src/a.ts": 'import "./b.js";', "src/b.ts": 'import type { A } from "./a.js";' })).toEqual(
      [],
    );
    expect(tree({ "src/a.ts": 'import "./b.js"; import "./c.js";', "src/b.ts": 'import "./c.js";' })).toEqual(
      [],
    );
  });
});

describe("the list of rules", () => {
  it("holds no rule that is not shown to find something", () => {
    const shown = new Set(offences.map(([{ name }]) => name));
    expect(allRules().map(({ name }) => name)).toEqual(expect.arrayContaining([...shown]));
    expect(allRules().filter(({ name }) => !shown.has(name))).toEqual([]);
  });
});

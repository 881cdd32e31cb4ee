import { layers } from "../../../scripts/lib/layers.mjs";
import { readText } from "../repository.js";
import type { Rule, SourceFile } from "../source-file.js";
import { exportDocs } from "./export-docs.js";
import { importLaw, publicEntries, reExports } from "./import-law.js";
import { fileLength, functionLength, syntax } from "./size.js";
import { noSkips, noSleep, testLayers } from "./test-habits.js";
import { timeAndChance } from "./time-and-chance.js";
import { castReasons, typeHoles } from "./type-safety.js";
import { ownWords, unfinishedMarks } from "./words.js";

/** The public entries of the package with the source file of each: "simurgh/testing" -> "src/testing/index.ts". */
export function publicEntryFiles(): Map<string, string> {
  const { exports: entries } = JSON.parse(readText("package.json")) as {
    exports: Record<string, string | { default: string }>;
  };
  return new Map(
    Object.entries(entries).map(([entry, target]) => {
      const file = typeof target === "string" ? target : target.default;
      return [entry.replace(".", "simurgh"), file.replace("./dist/", "src/").replace(/\.js$/, ".ts")];
    }),
  );
}

/** Every rule of the house that looks at one file. */
export function allRules(): Rule[] {
  const entries = publicEntryFiles();
  return [
    syntax,
    importLaw,
    publicEntries([...entries.keys()]),
    reExports([...entries.values()]),
    fileLength,
    functionLength,
    timeAndChance,
    typeHoles,
    castReasons,
    exportDocs,
    noSleep,
    noSkips,
    testLayers(layers.map(({ name }) => name)),
    unfinishedMarks,
    ownWords,
  ];
}

/** Every break of `rule` in `file`, as "file:line: rule: what". */
export function breaks(rule: Rule, file: SourceFile): string[] {
  if (!rule.applies(file.path)) return [];
  const all = rule.check(file).map(({ line, what }) => `${file.path}:${line}: ${rule.name}: ${what}`);
  return [...new Set(all)];
}

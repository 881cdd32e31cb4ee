import { posix } from "node:path";
import type { SourceFile } from "../source-file.js";
import { importsOf } from "./import-law.js";

/**
 * Rings of files that import each other's values, each once, as "a -> b -> a". Types alone make no ring: they are
 * gone when the program runs.
 */
export function findCycles(files: readonly SourceFile[]): string[] {
  const imports = new Map(files.map((file) => [file.path, valueImports(file)]));
  const done = new Set<string>();
  const found = new Map<string, string>();
  const visit = (path: string, trail: readonly string[]) => {
    const back = trail.indexOf(path);
    if (back !== -1) {
      const ring = trail.slice(back);
      found.set(ring.toSorted().join(), [...ring, path].join(" -> "));
      return;
    }
    if (done.has(path)) return;
    for (const next of imports.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of imports.keys()) visit(path, []);
  return [...found.values()];
}

function valueImports(file: SourceFile): string[] {
  return importsOf(file)
    .filter(({ specifier, typeOnly }) => specifier.startsWith(".") && !typeOnly)
    .map(({ specifier }) => posix.join(posix.dirname(file.path), specifier).replace(/\.js$/, ".ts"));
}

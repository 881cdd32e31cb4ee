import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type SourceFile, sourceFile } from "./source-file.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Folders that are made or fetched, not written. */
const notOurs = new Set(["node_modules", "dist", ".git", "coverage", "reports", ".simurgh"]);

const isText =
  /(\.(ts|tsx|mts|js|mjs|cjs|json|md|yml|yaml|html|css|svg|sh|txt|cfg|toml)|\/run|ignore|rc|LICENSE|\.editorconfig|\.gitattributes)$/;

/** Text of one file, by its path from the root. */
export const readText = (path: string): string => readFileSync(root + path, "utf8");

/** Paths of all files that people wrote, from the root, sorted. */
export function listFiles(folder = ""): string[] {
  const paths = readdirSync(root + folder, { withFileTypes: true }).flatMap((entry) => {
    if (notOurs.has(entry.name)) return [];
    const path = folder + entry.name;
    if (entry.isDirectory()) return listFiles(`${path}/`);
    return entry.isFile() && isText.test(path) ? [path] : [];
  });
  return paths.sort();
}

/** All files that people wrote, read and parsed. */
export const readRepository = (): SourceFile[] => listFiles().map((path) => sourceFile(path, readText(path)));

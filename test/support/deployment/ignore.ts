import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Reads a `.dockerignore`: whether a path from the root stays out. Throws for patterns that it does not know. */
export function readIgnore(text: string): (path: string) => boolean {
  const patterns = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const expressions = patterns.map((pattern) => {
    if (/[![\]?\\]/.test(pattern)) throw new Error(`a pattern of another kind: ${pattern}`);
    const parts = pattern.split(/(\*\*\/|\*)/).map((part) => {
      if (part === "**/") return "(?:.*/)?";
      return part === "*" ? "[^/]*" : part.replaceAll(".", "\\.");
    });
    // What is in a folder that stays out stays out.
    return new RegExp(`^${parts.join("")}(?:/|$)`);
  });
  return (path) => expressions.some((expression) => expression.test(path));
}

/** That of this repository. */
export const isIgnored = readIgnore(
  readFileSync(fileURLToPath(new URL("../../../.dockerignore", import.meta.url)), "utf8"),
);

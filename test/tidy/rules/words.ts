import type { Finding, Rule, SourceFile } from "../source-file.js";

/** Written in halves, so that this file keeps the rules that it holds. */
const half = (...parts: string[]): string => parts.join("");

const marks = new RegExp(
  `\\b(${["TO_DO", "FIX_ME", "HA_CK", "X_XX", "W_IP"].join("|").replaceAll("_", "")})\\b`,
);
const stubs = new RegExp(`\\b(${half("not (yet )?", "implemented")}|${half("lorem ", "ipsum")})\\b`, "i");

function findIn(file: SourceFile, pattern: RegExp, what: string): Finding[] {
  return file.lines.flatMap((text, index) => {
    const found = pattern.exec(text);
    return found === null ? [] : [{ line: index + 1, what: `${what}: ${found[0]}` }];
  });
}

/** What is here is finished. The lock file is made, and its hashes spell anything. */
export const unfinishedMarks: Rule = {
  name: "unfinished marks",
  applies: (path) => path !== "package-lock.json",
  check: (file) => [...findIn(file, marks, "an unfinished mark"), ...findIn(file, stubs, "a stub")],
};

const machinePath = new RegExp(
  `(?<![\\w.])/(${["work", "home", "root", "Users"].join("|")})/[\\w.-]+|[A-Z]:\\\\\\w`,
);
const registryHost = new RegExp(
  `\\b(${half("registry", "\\.")}|npm\\.pkg\\.)[a-z0-9.-]+|"${half("resolved", '"')}: "http`,
);
const tracker = new RegExp(`\\b${half("iss", "ue")} #?\\d+|\\(#\\d+\\)`, "i");

/** The project speaks of itself alone: not of the machine it was written on, nor of where packages came from. */
export const ownWords: Rule = {
  name: "own words",
  applies: () => true,
  check: (file) => [
    ...findIn(file, machinePath, "a path of one machine"),
    ...findIn(file, registryHost, "a registry host"),
    ...findIn(file, tracker, "a number of some tracker"),
  ],
};

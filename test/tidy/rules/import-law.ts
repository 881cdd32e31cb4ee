import { posix } from "node:path";
import { type Finding, isNode, type Rule, type SourceFile, walk } from "../source-file.js";

/** What each layer under `src` may import from, its own layer included. `/x` at the end: that module alone. */
const law: Readonly<Record<string, readonly string[]>> = {
  core: ["core"],
  contracts: ["contracts", "core"],
  runtime: ["runtime", "contracts", "core"],
  auth: ["auth", "contracts", "core", "runtime/errors"],
  edges: ["edges", "auth", "runtime", "contracts", "core"],
  testing: ["testing", "auth", "runtime", "contracts", "core"],
  cli: ["cli", "loadtest", "dashboard", "entry", "edges", "auth", "runtime", "contracts", "core"],
  loadtest: ["loadtest", "entry", "edges", "auth", "runtime", "contracts", "core"],
  dashboard: ["dashboard", "entry", "edges", "auth", "runtime", "contracts", "core"],
  entry: [
    "entry",
    "cli/app",
    "loadtest",
    "dashboard",
    "testing",
    "edges",
    "auth",
    "runtime",
    "contracts",
    "core",
  ],
};

/** Layers that take their packages and Node's modules as types only, or not at all. */
const packages: Readonly<Record<string, "none" | "types">> = { core: "none", contracts: "types" };

/** The layer of a file under `src`; files directly in `src` are entries. */
function layerOf(path: string): string {
  const parts = path.split("/");
  return parts.length === 2 ? "entry" : (parts[1] ?? "");
}

/** The edge that a file belongs to: its kind, and the name of its own folder if it has one. */
function edgeOf(path: string): { kind: string | undefined; own: string | undefined } {
  const [, , kind, ...rest] = path.split("/");
  return { kind, own: rest.length > 1 ? rest[0] : undefined };
}

function crossesEdges(from: string, to: string): boolean {
  const [a, b] = [edgeOf(from), edgeOf(to)];
  return a.kind !== b.kind || (a.own !== undefined && b.own !== undefined && a.own !== b.own);
}

function faultOfRelative(from: string, specifier: string): string | undefined {
  const to = posix.normalize(posix.join(posix.dirname(from), specifier));
  if (!to.startsWith("src/")) return `${specifier} is outside of src`;
  const [layer, other] = [layerOf(from), layerOf(to)];
  const allowed = law[layer];
  if (allowed === undefined) return `src/${layer} is no layer of the law`;
  const mayImport = allowed.some((rule) => rule === other || (rule.includes("/") && to === `src/${rule}.js`));
  if (!mayImport) return `${layer} must not import ${other} (${specifier})`;
  if (layer === "edges" && other === "edges" && crossesEdges(from, to)) {
    return `edges of different folders must not import each other (${specifier})`;
  }
  return undefined;
}

function faultOfPackage(from: string, specifier: string, typeOnly: boolean): string | undefined {
  const layer = layerOf(from);
  const allowed = packages[layer];
  if (allowed === undefined) return undefined;
  if (allowed === "types" && typeOnly && !specifier.startsWith("node:")) return undefined;
  return `${layer} must not import ${specifier}`;
}

interface Import {
  readonly specifier: string;
  readonly start: number;
  readonly typeOnly: boolean;
}

/** Modules that types are taken from where they stand: `import("./x.js").X`. */
function typeImports(file: SourceFile): Import[] {
  const found: Import[] = [];
  walk(file.program, ({ type, source, start }) => {
    if (type !== "TSImportType" || !isNode(source)) return;
    found.push({ specifier: String(source.value), start, typeOnly: true });
  });
  return found;
}

/** Every module that a file names: imports, re-exports, dynamic imports with a plain string, and types. */
export function importsOf(file: SourceFile): Import[] {
  const { staticImports, staticExports, dynamicImports } = file.module;
  const typed = (start: number) => /^(import|export)\s+type\b/.test(file.text.slice(start, start + 20));
  return [
    ...typeImports(file),
    ...staticImports.map((one) => ({
      specifier: one.moduleRequest.value,
      start: one.start,
      typeOnly: typed(one.start) || (one.entries.length > 0 && one.entries.every((entry) => entry.isType)),
    })),
    ...staticExports.flatMap((one) => {
      const request = one.entries.find((entry) => entry.moduleRequest !== null)?.moduleRequest;
      if (request === undefined || request === null) return [];
      return [{ specifier: request.value, start: one.start, typeOnly: one.entries.every((e) => e.isType) }];
    }),
    ...dynamicImports.flatMap((one) => {
      const literal = file.text.slice(one.moduleRequest.start, one.moduleRequest.end);
      if (!/^["'`][^"'`$]*["'`]$/.test(literal)) return [];
      return [{ specifier: literal.slice(1, -1), start: one.start, typeOnly: false }];
    }),
  ];
}

function findAll(file: SourceFile, fault: (one: Import) => string | undefined): Finding[] {
  return importsOf(file).flatMap((one) => {
    const what = fault(one);
    return what === undefined ? [] : [{ line: file.lineOf(one.start), what }];
  });
}

/** The import law of `src`. */
export const importLaw: Rule = {
  name: "import law",
  applies: (path) => path.startsWith("src/"),
  check: (file) =>
    findAll(file, ({ specifier, typeOnly }) =>
      specifier.startsWith(".")
        ? faultOfRelative(file.path, specifier)
        : faultOfPackage(file.path, specifier, typeOnly),
    ),
};

/** Consumers use the package as its users do. `entries` are the documented ones, such as "simurgh/testing". */
export const publicEntries = (entries: readonly string[]): Rule => ({
  name: "public entries",
  applies: (path) => /^(examples|bench)\//.test(path),
  check: (file) =>
    findAll(file, ({ specifier }) => {
      const target = specifier.startsWith(".") ? posix.join(posix.dirname(file.path), specifier) : specifier;
      if (/^(src|dist)\//.test(target)) return `${specifier} reaches into the package`;
      if (!/^simurgh(\/|$)/.test(target) || entries.includes(target)) return undefined;
      return `${specifier} is no public entry`;
    }),
});

/** Only entry files pass on what other files export. `entryFiles` are the sources of the public entries. */
export const reExports = (entryFiles: readonly string[]): Rule => ({
  name: "re-exports",
  applies: (path) => path.startsWith("src/") && !entryFiles.includes(path),
  check: (file) =>
    file.module.staticExports
      .filter((one) => one.entries.some((entry) => entry.moduleRequest !== null))
      .map((one) => ({ line: file.lineOf(one.start), what: "only entry files re-export" })),
});

import { readFile, rm } from "node:fs/promises";
import { dirname, extname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { SimurghError } from "../../runtime/errors.js";
import type { FieldFault } from "./fields.js";
import { lineOfField, lineOfOffset } from "./source-lines.js";

/** What a scenario file holds: its value, and the text to find the lines of its fields in. */
export interface LoadedScenario {
  readonly value: unknown;
  readonly file: string;
  readonly text: string;
}

function invalid(what: string, cause?: unknown): SimurghError {
  return new SimurghError("load_scenario_invalid", what, { cause });
}

/** Loads a scenario from a `.json`, `.mjs`, `.js` or `.ts` file; a module gives it as its default export. */
export async function loadScenarioFile(file: string): Promise<LoadedScenario> {
  const path = resolve(file);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw invalid(`${file} cannot be read`, error);
  }
  if (extname(path) === ".json") return { value: parseJson(file, text), file, text };
  if (![".mjs", ".js", ".ts", ".mts"].includes(extname(path))) {
    throw invalid(`${file} is no .json, .mjs, .js or .ts file`);
  }
  const loaded = await importModule(file, path);
  if (loaded.default === undefined) {
    throw invalid(`${file}: expected the scenario as the default export, found none`);
  }
  return { value: loaded.default, file, text };
}

/** An error that names each faulty field with its line. */
export function faultsError(
  { file, text }: Pick<LoadedScenario, "file" | "text">,
  faults: readonly FieldFault[],
): SimurghError {
  const told = faults.map(({ path, expected, found }) => {
    const line = lineOfField(text, path);
    return `${file}${line === undefined ? "" : `:${line}`}: ${path}: expected ${expected}, found ${found}`;
  });
  return invalid(`the scenario cannot be run\n${told.join("\n")}`);
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const [, position] = /position (\d+)/.exec(message) ?? [];
    const atEnd = /end of JSON/.test(message);
    const offset = position === undefined ? (atEnd ? text.length : undefined) : Number(position);
    const where = offset === undefined ? file : `${file}:${lineOfOffset(text, offset)}`;
    throw invalid(`${where}: expected JSON: ${message}`, error);
  }
}

async function importModule(file: string, path: string): Promise<{ default?: unknown }> {
  try {
    return await import(pathToFileURL(path).href);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ERR_UNKNOWN_FILE_EXTENSION") return importTypeScript(file, path);
    throw loadFault(file, path, error);
  }
}

/** An old Node does not read TypeScript: then esbuild does, if it is installed. */
async function importTypeScript(file: string, path: string): Promise<{ default?: unknown }> {
  const name = "esbuild";
  let esbuild: { build(options: object): Promise<unknown> };
  try {
    esbuild = await import(name);
  } catch (error) {
    const hint = "install esbuild beside it, write it as .mjs, or use Node 22.18 or newer";
    throw invalid(`${file}: Node ${process.version} does not read TypeScript: ${hint}`, error);
  }
  const outfile = join(dirname(path), `.${process.pid}-${Date.now()}.scenario.mjs`);
  try {
    const fixed = { bundle: true, packages: "external", platform: "node", format: "esm", logLevel: "silent" };
    await esbuild.build({ entryPoints: [path], outfile, ...fixed });
    return await import(pathToFileURL(outfile).href);
  } catch (error) {
    throw loadFault(file, path, error);
  } finally {
    await rm(outfile, { force: true });
  }
}

function loadFault(file: string, path: string, error: unknown): SimurghError {
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const at = stack.indexOf(path);
  const [, line] = at < 0 ? [] : (/^:(\d+)/.exec(stack.slice(at + path.length)) ?? []);
  return invalid(`${file}${line === undefined ? "" : `:${line}`}: does not load: ${message}`, error);
}

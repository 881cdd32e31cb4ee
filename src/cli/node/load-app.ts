import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { SimurghError } from "../../runtime/errors.js";
import type { App, AppEndpoint, NodeContext } from "../app.js";

/** The absolute path of an application. Throws `app_load_failed` when there is no such file. */
export function requireAppFile(path: string): string {
  const absolute = resolve(path);
  if (existsSync(absolute)) return absolute;
  throw new SimurghError("app_load_failed", `there is no application at ${absolute}`);
}

/** Loads the module at an absolute path. Rejects with `app_load_failed`. */
export async function loadApp(path: string): Promise<App> {
  let module: { readonly default?: unknown };
  try {
    module = await import(pathToFileURL(path).href);
  } catch (cause) {
    throw new SimurghError("app_load_failed", `${path} threw while it loaded: ${text(cause)}`, { cause });
  }
  if (!isApp(module.default)) {
    const message = `${path} has no function as its default export; it must be (node) => endpoint`;
    throw new SimurghError("app_load_failed", message);
  }
  return module.default;
}

/** Has the application make its endpoint. Rejects with `app_load_failed`. */
export async function makeEndpoint(app: App, context: NodeContext): Promise<AppEndpoint> {
  let endpoint: unknown;
  try {
    endpoint = await app(context);
  } catch (cause) {
    throw new SimurghError("app_load_failed", `the application made no endpoint: ${text(cause)}`, { cause });
  }
  if (isEndpoint(endpoint)) return endpoint;
  const message = "the application made no endpoint: it must return one, with listen, drain and stop";
  throw new SimurghError("app_load_failed", message);
}

function isApp(value: unknown): value is App {
  return typeof value === "function";
}

function isEndpoint(value: unknown): value is AppEndpoint {
  if (typeof value !== "object" || value === null) return false;
  return ["listen", "drain", "stop"].every((name) => typeof Reflect.get(value, name) === "function");
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

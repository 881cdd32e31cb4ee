import type { Sighting } from "../../../contracts/discovery.js";
import { formatHostPort } from "../../../core/cluster/peer-text.js";
import { SimurghError } from "../../../runtime/errors.js";
import { readSighting } from "../static-hosts.js";

/** Makes a value of a text; throws when it is none. */
export type ParseText = (text: string) => unknown;

/** How much of an entry that is wrong is shown. */
const shownMax = 60;

/** The library for a format. Rejects with `discovery_start_failed` when it is not installed. */
export async function parserOf(format: "json" | "yaml"): Promise<ParseText> {
  if (format === "json") return (text) => JSON.parse(text);
  // Not a literal: the package is optional, for bundlers and for the build of those who do without.
  const library: string = "yaml";
  const found: unknown = await import(library).catch((cause: unknown) => {
    const message = `lists in YAML need the package ${library}: npm install ${library}`;
    throw new SimurghError("discovery_start_failed", message, { cause });
  });
  if (!isYamlLibrary(found)) {
    throw new SimurghError("discovery_start_failed", `the package ${library} is not the one that is needed`);
  }
  // An alias makes much of little; a list of nodes needs none.
  return (text) => found.parse(text, { maxAliasCount: 0, logLevel: "error" });
}

function isYamlLibrary(found: unknown): found is { parse(text: string, options: object): unknown } {
  return typeof found === "object" && found !== null && "parse" in found && typeof found.parse === "function";
}

/**
 * Reads a list of nodes: `name@host:port`, `host:port` or `{ host, port, name }` each; or an object whose `nodes` is
 * such a list. Returns the reason when it is none: one wrong entry spoils the list, for nobody knows what was meant.
 */
export function readList(value: unknown): readonly Sighting[] | string {
  const list = isObject(value) && !Array.isArray(value) ? value.nodes : value;
  if (!Array.isArray(list)) return "there is no list of nodes in it";
  const sightings: Sighting[] = [];
  for (const [index, entry] of list.entries()) {
    const sighting = typeof entry === "string" ? readSighting(entry.trim()) : readEntry(entry);
    if (sighting === undefined) {
      const shown = (JSON.stringify(entry) ?? "nothing").slice(0, shownMax);
      return `entry ${index + 1} is no name@host:port, host:port or { host, port, name }: ${shown}`;
    }
    sightings.push(sighting);
  }
  return sightings;
}

function readEntry(entry: unknown): Sighting | undefined {
  if (!isObject(entry)) return undefined;
  const { host, port, name } = entry;
  if (typeof host !== "string" || typeof port !== "number") return undefined;
  if (name !== undefined && (typeof name !== "string" || name === "")) return undefined;
  // The same rules as for text.
  const read = readSighting(formatHostPort({ host, port }));
  return read && { address: read.address, name };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

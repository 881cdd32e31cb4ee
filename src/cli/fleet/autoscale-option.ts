import { readFileSync } from "node:fs";
import { InvalidArgumentError, Option } from "commander";
import type { AutoscalePolicy } from "../../core/autoscale/policy.js";
import { readPolicy } from "../../core/autoscale/read-policy.js";
import { SimurghError } from "../../runtime/errors.js";

/** The bounds of a fleet that scales by itself. */
export interface ScaleBounds {
  readonly minNodes: number;
  readonly maxNodes: number;
}

const nodesMax = 64;

/** Reads `MIN..MAX`. */
export function readBounds(text: string): ScaleBounds {
  const [, min, max] = /^(\d{1,4})\.\.(\d{1,4})$/.exec(text) ?? [];
  const bounds = { minNodes: Number(min), maxNodes: Number(max) };
  const fits = bounds.minNodes >= 1 && bounds.minNodes <= bounds.maxNodes && bounds.maxNodes <= nodesMax;
  if (fits) return bounds;
  throw new InvalidArgumentError(`It must be MIN..MAX, such as 2..6, from 1 to ${nodesMax} nodes.`);
}

/** `--autoscale`. */
export function autoscaleOption(): Option {
  return new Option("--autoscale <min..max>", "let the load say how many nodes there are").argParser(
    readBounds,
  );
}

/**
 * The policy in a file, or the default one, within these bounds. Throws `scale_config_invalid` with every field that is
 * wrong.
 */
export function loadPolicy(path: string | undefined, bounds: ScaleBounds): AutoscalePolicy {
  const read = readPolicy({ ...(path === undefined ? {} : readObject(path)), ...bounds });
  if (read.ok) return read.policy;
  const problems = read.problems.map(({ field, why }) => `${field} ${why}`).join("; ");
  throw new SimurghError("scale_config_invalid", `${path ?? "the policy"}: ${problems}`);
}

function readObject(path: string): object {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SimurghError("scale_config_invalid", `the policy ${path} cannot be read: ${why}`, { cause });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new SimurghError("scale_config_invalid", `${path}: policy must be an object`);
}

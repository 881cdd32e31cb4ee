import { InvalidArgumentError, Option } from "commander";
import type { AutoscalePolicy } from "../../core/autoscale/policy.js";
import { readPolicy } from "../../core/autoscale/read-policy.js";
import { isRecord } from "../../core/shared/json.js";
import { SimurghError } from "../../runtime/errors.js";
import { readJson } from "../autoscale/inputs.js";

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
 * The policy in a file, or the default one, within these bounds. Rejects with `scale_config_invalid` and every field
 * that is wrong.
 */
export async function loadPolicy(path: string | undefined, bounds: ScaleBounds): Promise<AutoscalePolicy> {
  const given = path === undefined ? {} : await readJson(path);
  // What is no object is refused as it stands.
  const read = readPolicy(isRecord(given) ? { ...given, ...bounds } : given);
  if (read.ok) return read.policy;
  const problems = read.problems.map(({ field, why }) => `${field} ${why}`).join("; ");
  throw new SimurghError("scale_config_invalid", `${path ?? "the policy"}: ${problems}`);
}

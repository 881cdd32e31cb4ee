import { readFile, stat } from "node:fs/promises";
import { basename, extname } from "node:path";
import { type AutoscalePolicy, policyDefaults } from "../../core/autoscale/policy.js";
import { readPolicy } from "../../core/autoscale/read-policy.js";
import { type FleetModel, fleetModelDefaults } from "../../core/autoscale/simulate.js";
import { type LoadTrace, readTrace } from "../../core/autoscale/trace.js";
import { SimurghError } from "../../runtime/errors.js";

/** A policy, and what it is called in tables. */
export interface NamedPolicy {
  readonly name: string;
  readonly policy: AutoscalePolicy;
}

/** Bytes of a file that is read. */
const fileBytesMax = 33_554_432;

/** Reads policies; without any, the defaults. Rejects with every field that is wrong, of every file. */
export async function readPolicies(files: readonly string[]): Promise<readonly NamedPolicy[]> {
  if (files.length === 0) return [{ name: "default", policy: policyDefaults }];
  const faults: string[] = [];
  const policies: NamedPolicy[] = [];
  for (const file of files) {
    const read = readPolicy(await readJson(file));
    if (read.ok) policies.push({ name: basename(file, extname(file)), policy: read.policy });
    else faults.push(...read.problems.map(({ field, why }) => `${file}: ${field} ${why}`));
  }
  if (faults.length > 0) throw invalid(faults.join("\n  "));
  return policies;
}

/** Reads a recorded load. Rejects with the number of the line that is wrong. */
export async function readTraceFile(file: string): Promise<LoadTrace> {
  const read = readTrace(await readText(file));
  if (read.ok) return read.trace;
  throw invalid(`${file}:${read.line}: ${read.why}`);
}

const modelRules: Readonly<Record<keyof FleetModel, readonly [least: number, most: number]>> = {
  startMs: [0, 3_600_000],
  drainMs: [0, 3_600_000],
  connectionsMax: [1, 10_000_000],
  eventLoopPerConnection: [0, 1],
  acceptsPerSecond: [1, 1_000_000],
};

/** Reads how the nodes behave; what the file leaves out has its default. Rejects with every field that is wrong. */
export async function readModel(file: string | undefined): Promise<FleetModel> {
  if (file === undefined) return fleetModelDefaults;
  const given = await readJson(file);
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw invalid(`${file}: the model must be an object`);
  }
  const faults: string[] = [];
  const model: Record<keyof FleetModel, number> = { ...fleetModelDefaults };
  for (const [field, value] of Object.entries(given)) {
    if (!isField(field)) {
      faults.push(`${file}: ${field} is not known; known are ${Object.keys(modelRules).join(", ")}`);
      continue;
    }
    const [least, most] = modelRules[field];
    if (typeof value === "number" && value >= least && value <= most) model[field] = value;
    else faults.push(`${file}: ${field} must be a number from ${least} to ${most}`);
  }
  if (faults.length > 0) throw invalid(faults.join("\n  "));
  return model;
}

function isField(name: string): name is keyof FleetModel {
  return Object.hasOwn(modelRules, name);
}

/** Reads a file of JSON. Rejects with what is wrong with it. */
export async function readJson(file: string): Promise<unknown> {
  const text = await readText(file);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalid(
      `${file} is no JSON, so it cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
    );
  }
}

async function readText(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > fileBytesMax) throw invalid(`${file} is larger than ${fileBytesMax} bytes`);
    return await readFile(file, "utf8");
  } catch (cause) {
    if (cause instanceof SimurghError) throw cause;
    throw invalid(`${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

function invalid(message: string): SimurghError {
  return new SimurghError("scale_config_invalid", message);
}

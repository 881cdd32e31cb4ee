import { InvalidArgumentError } from "commander";
import { faultsError, loadScenarioFile } from "../../loadtest/scenario/load-file.js";
import { parseScenario } from "../../loadtest/scenario/parse-scenario.js";
import type { LoadPlan } from "../../loadtest/scenario/plan.js";

/** The flags of `simurgh load`, as texts where a scenario's own check is to judge them. */
export interface LoadFlags {
  readonly url?: readonly string[];
  readonly connections?: string;
  readonly ramp?: string;
  readonly duration?: string;
  readonly rate?: string;
  readonly thinkTime?: string;
  readonly topic?: string;
  readonly topicsPerClient?: string;
  readonly clientsPerTopic?: string;
  readonly event?: string;
  readonly expect?: string;
  readonly bytes?: string;
  readonly param?: readonly string[];
  readonly vsn?: string;
  readonly longPoll?: string;
  readonly slow?: string;
  readonly churn?: string;
  readonly source?: readonly string[];
  readonly seed?: string;
  readonly assert?: readonly string[];
  readonly json?: string;
  readonly html?: string;
  readonly listen?: string;
  readonly remoteWorkers: number;
  readonly workers: number;
}

/** Which field of a scenario each flag sets, and how its text is read. */
const fields: readonly (readonly [flag: keyof LoadFlags, path: string, kind: "number" | "text" | "texts"])[] =
  [
    ["url", "url", "texts"],
    ["connections", "connections", "number"],
    ["ramp", "ramp", "number"],
    ["duration", "duration", "text"],
    ["rate", "publish.rate", "number"],
    ["thinkTime", "publish.thinkTime", "text"],
    ["topic", "topics.name", "text"],
    ["topicsPerClient", "topics.perClient", "number"],
    ["clientsPerTopic", "topics.clientsPerTopic", "number"],
    ["event", "publish.event", "text"],
    ["expect", "publish.expect", "text"],
    ["bytes", "publish.bytes", "number"],
    ["vsn", "vsn", "number"],
    ["longPoll", "longPollShare", "number"],
    ["slow", "slow.share", "number"],
    ["churn", "churn", "number"],
    ["source", "sources", "texts"],
    ["seed", "seed", "number"],
  ];

/** The plan of a scenario's file with the flags above it. Throws with every fault named. */
export async function planOf(file: string | undefined, flags: LoadFlags): Promise<LoadPlan> {
  const loaded = file === undefined ? undefined : await loadScenarioFile(file);
  const scenario = { ...objectOf(loaded?.value ?? {}) };
  for (const [flag, path, kind] of fields) {
    const value = flags[flag];
    if (value === undefined) continue;
    setField(scenario, path, kind === "number" ? numberOf(String(value)) : value);
  }
  if (flags.rate !== undefined) dropField(scenario, "thinkTime");
  if (flags.thinkTime !== undefined) dropField(scenario, "rate");
  if (flags.rate === undefined && flags.thinkTime === undefined && loaded === undefined)
    delete scenario.publish;
  if (flags.param !== undefined) {
    scenario.params = { ...objectOf(scenario.params ?? {}), ...Object.fromEntries(flags.param.map(pair)) };
  }
  if (flags.assert !== undefined) {
    const asserts = Array.isArray(scenario.assert) ? scenario.assert : [scenario.assert ?? []].flat();
    scenario.assert = [...asserts, ...flags.assert];
  }
  const plan = parseScenario(loaded === undefined || isObject(loaded.value) ? scenario : loaded.value);
  if (Array.isArray(plan)) throw faultsError(loaded ?? { file: "flags", text: "" }, plan);
  return plan;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function objectOf(value: unknown): Record<string, unknown> {
  return isObject(value) ? value : {};
}

function setField(scenario: Record<string, unknown>, path: string, value: unknown): void {
  const [first = "", second] = path.split(".");
  scenario[first] = second === undefined ? value : { ...objectOf(scenario[first]), [second]: value };
}

function dropField(scenario: Record<string, unknown>, name: "rate" | "thinkTime"): void {
  const { [name]: _dropped, ...rest } = objectOf(scenario.publish);
  scenario.publish = rest;
}

/** A text that is no number stays, so that the scenario's check names it. */
function numberOf(text: string): number | string {
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

function pair(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at <= 0) throw new InvalidArgumentError(`--param ${text}: it must be name=value.`);
  return [text.slice(0, at), text.slice(at + 1)];
}

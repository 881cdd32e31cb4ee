import { writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { SimurghError } from "../../runtime/errors.js";
import { type Comparison, comparePolicies } from "../autoscale/compare.js";
import { readModel, readPolicies, readTraceFile } from "../autoscale/inputs.js";
import { pageOf, policiesMax } from "../autoscale/page.js";
import { makeScenario, type Played, type ScenarioName, scenarioNames } from "../autoscale/scenarios.js";
import { showComparison } from "../autoscale/show.js";
import { wholeNumber } from "../options.js";
import { addAutoscaleStatus } from "./autoscale-status.js";

interface SimulateOptions {
  readonly scenario?: ScenarioName;
  readonly low: number;
  readonly high: number;
  readonly policy: readonly string[];
  readonly model?: string;
  readonly interval: number;
  readonly html?: string;
  readonly json?: string;
}

const help = `
A trace has lines \`seconds,connections\`, rising from 0: so many clients want to be connected from then on.
A policy file is JSON with any fields of a policy; what it leaves out has its default. docs/autoscaling.md has them all.

  simurgh autoscale simulate --scenario flash-crowd --html flash.html
  simurgh autoscale simulate monday.csv --policy now.json bolder.json --html monday.html`;

/** Adds `simurgh autoscale`. */
export function addAutoscale(program: Command, onExitCode: (code: number) => void): void {
  const autoscale = program
    .command("autoscale")
    .summary("try out when a fleet grows and shrinks")
    .description("What has to do with a fleet that grows and shrinks by itself.");
  autoscale
    .command("simulate")
    .summary("replay a load against policies")
    .description(
      "Replays a recorded or made-up load against one or several policies, by the rule that runs in production, over a model of a fleet; prints what would come of it.",
    )
    .argument("[trace]", "a file of lines `seconds,connections`")
    .addOption(new Option("--scenario <name>", "a load that is made up").choices(scenarioNames))
    .option("--low <connections>", "the least of that load", wholeNumber(0, 100_000_000), 2_000)
    .option("--high <connections>", "the most of that load", wholeNumber(1, 100_000_000), 40_000)
    .option("--policy <files...>", `policies to compare, ${policiesMax} at most (default: the defaults)`, [])
    .option("--model <file>", "JSON that says how nodes behave: startMs, drainMs, connectionsMax …")
    .option("--interval <seconds>", "between two decisions", seconds, 5)
    .option("--html <file>", "write charts as a page")
    .option("--json <file>", "write the figures as JSON")
    .addHelpText("after", help)
    .action(async (trace: string | undefined, options: SimulateOptions) => {
      const comparison = await simulate(trace, options);
      process.stdout.write(showComparison(comparison));
      const { html, json } = options;
      if (html !== undefined) await write(html, pageOf(comparison));
      if (json !== undefined) await write(json, `${JSON.stringify(comparison, undefined, 2)}\n`);
      onExitCode(0);
    });
  addAutoscaleStatus(autoscale, onExitCode);
}

async function simulate(trace: string | undefined, options: SimulateOptions): Promise<Comparison> {
  const played = await playedBy(trace, options);
  const policies = await readPolicies(options.policy);
  if (policies.length > policiesMax) throw invalid(`${policiesMax} policies at most can be compared`);
  return comparePolicies(policies, played, await readModel(options.model), options.interval * 1_000);
}

async function playedBy(
  trace: string | undefined,
  { scenario, low, high }: SimulateOptions,
): Promise<Played & { readonly load: string }> {
  if ((trace === undefined) === (scenario === undefined)) {
    throw invalid("give either the file of a trace or a --scenario");
  }
  if (trace !== undefined) return { load: basename(trace), trace: await readTraceFile(trace), mishaps: [] };
  if (low > high) throw invalid("--low must not be more than --high");
  // One of the two is given.
  const name = scenario ?? "daily-wave";
  return { load: name, ...makeScenario(name, low, high) };
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (cause) {
    throw invalid(`${file} cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

function seconds(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 1 && value <= 3_600) return value;
  throw new InvalidArgumentError("It must be a number of seconds from 1 to 3600.");
}

function invalid(message: string): SimurghError {
  return new SimurghError("scale_config_invalid", message);
}

import type { Command } from "commander";
import { SimurghError } from "../../runtime/errors.js";
import { askFleet } from "../control/client.js";
import { silenceMsMax } from "../control/server.js";
import { type AutoscaleReport, percent, summary } from "../fleet/autoscaler.js";
import { doorOption } from "../options.js";
import { table } from "../support/table.js";

/** Adds `simurgh autoscale status`. */
export function addAutoscaleStatus(autoscale: Command, onExitCode: (code: number) => void): void {
  autoscale
    .command("status")
    .summary("show the last decision of a fleet that scales by itself")
    .description(
      "Shows what the autoscaler of a fleet that `simurgh up --autoscale` runs decided last, and why.",
    )
    .addOption(doorOption())
    .option("--json", "print it all as one object")
    .action(async ({ port, json }: { port: number; json?: boolean }) => {
      const report = await askFleet(port, { command: "autoscale" }, silenceMsMax);
      if (!isReport(report)) throw new SimurghError("control_failed", "the fleet's answer is no report");
      process.stdout.write(json === true ? `${JSON.stringify(report)}\n` : textOf(report));
      onExitCode(0);
    });
}

function textOf({ policy, nodes, driver, paused, ...report }: AutoscaleReport): string {
  const { decision, ageMs, change, changeAgeMs } = report;
  const lines = [`bounds       ${policy.minNodes} to ${policy.maxNodes} nodes, by the driver ${driver.kind}`];
  if (decision === undefined) lines.push("last         no decision yet");
  else lines.push(`last         ${seconds(ageMs)} ago: ${summary(decision)}`);
  if (decision !== undefined && decision.restraints.length > 0) {
    lines.push(`held back by ${decision.restraints.join(", ")}`);
  }
  if (change !== undefined) lines.push(`last change  ${seconds(changeAgeMs)} ago: ${summary(change)}`);
  if (paused !== undefined) lines.push(`paused       while there is a ${paused}`);
  if (driver.fault !== undefined) lines.push(`driver       fails: ${driver.fault}`);
  const wishes = (decision?.wishes ?? []).map(({ signal, usage, target, nodes: wanted, unmeasured }) => [
    signal,
    percent(usage),
    percent(target),
    wanted === undefined ? "unknown" : String(wanted),
    unmeasured.length === 0 ? "-" : unmeasured.join(","),
  ]);
  const cells = nodes.map(({ name, stage, values }) => [name, stage, String(values?.connections ?? "-")]);
  return [
    `${lines.join("\n")}\n`,
    table(["SIGNAL", "IN USE", "TARGET", "NODES WANTED", "NOT MEASURED"], wishes),
    table(["NAME", "STAGE", "CONNECTIONS"], cells),
  ].join("\n");
}

function seconds(ms = 0): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

function isReport(value: unknown): value is AutoscaleReport {
  if (typeof value !== "object" || value === null) return false;
  return ["policy", "nodes", "driver"].every((field) => typeof Reflect.get(value, field) === "object");
}

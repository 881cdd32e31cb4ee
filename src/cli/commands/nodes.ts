import type { Command } from "commander";
import { SimurghError } from "../../runtime/errors.js";
import { askFleet } from "../control/client.js";
import type { NodeRow } from "../control/messages.js";
import { doorOption } from "../options.js";
import { table } from "../support/table.js";

const answerMsMax = 10_000;

interface NodesOptions {
  readonly port: number;
  readonly json?: boolean;
}

/** Adds `simurgh nodes`. */
export function addNodes(program: Command, onExitCode: (code: number) => void): void {
  program
    .command("nodes")
    .summary("list the nodes of a running fleet")
    .description("Lists the nodes of the fleet that `simurgh up` runs behind a door.")
    .addOption(doorOption())
    .option("--json", "print an array of {name, pid, port, stage, connections, ready}")
    .action(async ({ port, json }: NodesOptions) => {
      const rows = await askFleet(port, { command: "nodes" }, answerMsMax);
      if (!isNodeRows(rows))
        throw new SimurghError("control_failed", "the fleet's answer is no list of nodes");
      process.stdout.write(json === true ? `${JSON.stringify(rows)}\n` : tableOf(rows));
      onExitCode(0);
    });
}

function tableOf(rows: readonly NodeRow[]): string {
  const cells = rows.map(({ name, pid, port, stage, connections, ready }) => [
    name,
    String(pid ?? "-"),
    String(port ?? "-"),
    stage,
    String(connections),
    ready ? "yes" : "no",
  ]);
  return table(["NAME", "PID", "PORT", "STAGE", "CONNECTIONS", "READY"], cells);
}

function isNodeRows(value: unknown): value is NodeRow[] {
  return Array.isArray(value) && value.every((row) => typeof row?.name === "string");
}

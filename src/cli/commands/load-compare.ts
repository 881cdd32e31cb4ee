import type { Command } from "commander";
import { compareReports } from "../../loadtest/report/compare.js";
import { readReport } from "../../loadtest/report/read-report.js";

/** Adds `simurgh load compare`. */
export function addLoadCompare(load: Command, onExitCode: (code: number) => void): void {
  load
    .command("compare")
    .summary("put reports side by side")
    .description("Puts reports that --json has written side by side, with ratios to the first.")
    .argument("<first>", "a report")
    .argument("<others...>", "further reports")
    .action(async (first: string, others: readonly string[]) => {
      const files = [first, ...others];
      const reports = await Promise.all(
        files.map(async (file) => ({ file, report: await readReport(file) })),
      );
      process.stdout.write(compareReports(reports));
      onExitCode(0);
    });
}

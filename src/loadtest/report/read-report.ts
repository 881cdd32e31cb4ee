import { readFile } from "node:fs/promises";
import { SimurghError } from "../../runtime/errors.js";
import { type LoadReport, reportVersion } from "./report.js";

/** Reads a report that `--json` has written. */
export async function readReport(file: string): Promise<LoadReport> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    throw new SimurghError("load_report_invalid", `${file} cannot be read as JSON`, { cause: error });
  }
  if (!isReport(value)) {
    const wanted = `a report of simurgh load, version ${reportVersion}`;
    throw new SimurghError("load_report_invalid", `${file}: expected ${wanted}`);
  }
  return value;
}

/** The format's name and version stand for the rest: whoever writes them writes a report. */
function isReport(value: unknown): value is LoadReport {
  if (typeof value !== "object" || value === null) return false;
  const { format, version, totals }: { format?: unknown; version?: unknown; totals?: unknown } = value;
  return (
    format === "simurgh-load" && version === reportVersion && typeof totals === "object" && totals !== null
  );
}

import { appendFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";

/** Shows what a test measured: in the report of `npm test` when it asks for one, else on the console. */
export function show(text: string): void {
  const { SIMURGH_REPORT: report } = process.env;
  if (report === undefined) console.log(text);
  else appendFileSync(report, `${stripVTControlCharacters(text)}\n`);
}

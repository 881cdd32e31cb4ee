import type { LoadReport } from "./report.js";
import { summaryOf } from "./summary.js";

/** A page that shows a report. */
export function htmlOf(report: LoadReport): string {
  return `<!doctype html><title>${report.name}</title><pre>${summaryOf(report)}</pre>`;
}

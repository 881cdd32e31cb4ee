import { resolve } from "node:path";
import { invalidDiscovery, positiveNumbers } from "../../../runtime/discovery/check.js";

/** How long the reading of a file waits for what. */
export interface FileTiming {
  /** Between two readings, if no change is noticed sooner; a random quarter more or less. */
  readonly periodMs: number;
  /** What has changed counts when it was read twice alike, so much time apart: nobody believes a half-written file. */
  readonly settleMs: number;
  /** How long a whole look may take, where a file system does not answer; then it has failed. */
  readonly lookMsMax: number;
  /** A fault of the same kind is logged once in this time. */
  readonly logRepeatMs: number;
}

/** What is bounded in the reading of a file. */
export interface FileLimits {
  /** Larger files are not read. */
  readonly bytesMax: number;
  /** How often a file that changes under the reading is read before that look fails. */
  readonly readingsMax: number;
}

/** Settings of {@link file}. */
export interface FileOptions {
  /** The file. It need not be there yet. */
  readonly path: string;
  /** Default: YAML for names that end in `.yaml` or `.yml`, JSON for all others. YAML needs the package `yaml`. */
  readonly format?: "json" | "yaml";
  readonly timing?: Partial<FileTiming>;
  readonly limits?: Partial<FileLimits>;
}

/** Defaults of {@link FileTiming}. */
export const fileTiming: FileTiming = {
  periodMs: 5_000,
  settleMs: 50,
  lookMsMax: 10_000,
  logRepeatMs: 60_000,
};

/** Defaults of {@link FileLimits}. */
export const fileLimits: FileLimits = { bytesMax: 1_048_576, readingsMax: 20 };

/** Options with every default filled in. Throws `discovery_config_invalid` for a value that cannot work. */
export function resolveFile({ path, format, timing, limits }: FileOptions) {
  if (typeof path !== "string" || path === "" || path.includes("\0")) {
    throw invalidDiscovery("file needs the path of its list");
  }
  if (format !== undefined && format !== "json" && format !== "yaml") {
    throw invalidDiscovery(`format must be json or yaml, not ${String(format)}`);
  }
  return {
    path: resolve(path),
    format: format ?? (/\.ya?ml$/i.test(path) ? "yaml" : "json"),
    timing: positiveNumbers("timing", fileTiming, timing),
    limits: positiveNumbers("limits", fileLimits, limits),
  };
}

/** What {@link resolveFile} returns. */
export type FileSettings = ReturnType<typeof resolveFile>;

import type { NodeStage } from "../../core/autoscale/signal.js";

/**
 * What a fleet can be asked over its control socket: one JSON text a line, answered in the same order. A field that is
 * wrong makes the line no request.
 */
export type ControlRequest =
  | { readonly command: "nodes" }
  /** Answered when the node is gone, or kept, with how it came out. */
  | { readonly command: "drain"; readonly name: string; readonly limitMs: number; readonly force: boolean }
  | { readonly command: "cancel-drain"; readonly name: string }
  /** Answered when the last old node is gone. Without `app` the new nodes run what the fleet runs. */
  | {
      readonly command: "deploy";
      readonly app: string | undefined;
      readonly startMsMax: number;
      readonly settleMs: number;
      readonly limitMs: number;
    }
  /** What the autoscaler thinks. */
  | { readonly command: "autoscale" };

/** The answer to a {@link ControlRequest}; what takes long sends `progress` before it. */
export type ControlReply =
  | { readonly progress: string }
  | { readonly ok: true; readonly result: unknown }
  /** `code` is that of a `SimurghError`. */
  | { readonly ok: false; readonly error: string; readonly code?: string | undefined };

/** One node, as `simurgh nodes --json` shows it. */
export interface NodeRow {
  readonly name: string;
  /** Null while the node is down. */
  readonly pid: number | null;
  /** Null before the node has listened for the first time. */
  readonly port: number | null;
  /** A node that is down, too, is about to start. */
  readonly stage: NodeStage;
  readonly connections: number;
  /** What its `/ready` says. */
  readonly ready: boolean;
}

/** Characters of one line on the control socket. */
export const controlLineCharsMax = 1_048_576;

/** The longest that a drain or a start may be given. */
export const limitMsMax = 86_400_000;

/** Reads the JSON of one request. Undefined: it is none. */
export function parseRequest(line: string): ControlRequest | undefined {
  const { command, name, limitMs, force, app, startMsMax, settleMs } = parseObject(line) ?? {};
  if (command === "nodes" || command === "autoscale") return { command };
  if (command === "cancel-drain" && typeof name === "string") return { command, name };
  if (command === "drain" && typeof name === "string" && isLimit(limitMs)) {
    return { command, name, limitMs, force: force === true };
  }
  if (command !== "deploy" || (app !== undefined && typeof app !== "string")) return undefined;
  if (!isLimit(startMsMax) || !isLimit(settleMs) || !isLimit(limitMs)) return undefined;
  return { command, app, startMsMax, settleMs, limitMs };
}

/** Reads the JSON of one reply. Undefined: it is none. */
export function parseReply(line: string): ControlReply | undefined {
  const { ok, result, progress, error, code } = parseObject(line) ?? {};
  if (typeof progress === "string") return { progress };
  if (ok === true) return { ok, result };
  if (ok !== false) return undefined;
  return { ok, error: String(error), code: typeof code === "string" ? code : undefined };
}

function isLimit(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= limitMsMax;
}

function parseObject(text: string): Partial<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

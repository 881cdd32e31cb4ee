/** What a fleet can be asked over its control socket: one JSON text a line, answered in the same order. */
export interface ControlRequest {
  readonly command: "nodes";
}

/** The answer to a {@link ControlRequest}. */
export type ControlReply =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: string };

/** One node, as `simurgh nodes --json` shows it. */
export interface NodeRow {
  readonly name: string;
  /** Null while the node is down. */
  readonly pid: number | null;
  /** Null before the node has listened for the first time. */
  readonly port: number | null;
  readonly connections: number;
  readonly ready: boolean;
}

/** Characters of one line on the control socket. */
export const controlLineCharsMax = 1_048_576;

/** Reads the JSON of one request. Undefined: it is none. */
export function parseRequest(line: string): ControlRequest | undefined {
  const value = parseObject(line);
  return value?.command === "nodes" ? { command: "nodes" } : undefined;
}

/** Reads the JSON of one reply. Undefined: it is none. */
export function parseReply(line: string): ControlReply | undefined {
  const value = parseObject(line);
  if (value?.ok === true) return { ok: true, result: value.result };
  return value?.ok === false ? { ok: false, error: String(value.error) } : undefined;
}

function parseObject(text: string): Partial<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

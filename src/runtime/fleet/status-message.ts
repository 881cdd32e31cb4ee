import {
  isNodeStage,
  type NodeStage,
  readSignalValues,
  type SignalValues,
} from "../../core/autoscale/signal.js";
import { isRecord } from "../../core/shared/json.js";

/** What a node tells the others of itself. */
export interface StatusMessage {
  readonly name: string;
  /** Counts the messages of this node. */
  readonly seq: number;
  readonly stage: NodeStage;
  readonly values: SignalValues;
  /** Sockets opened since the start. */
  readonly connectsTotal: number;
  /** The newest `seq` of other nodes, and how long ago it came, by which they measure the way. */
  readonly heard: Readonly<Record<string, readonly [seq: number, heldMs: number]>>;
}

/** Nodes that are answered in one message; of more, each round answers the next ones. */
export const heardMax = 64;

/** Writes a message. */
export function encodeStatus(message: StatusMessage): Uint8Array {
  return Buffer.from(JSON.stringify(message));
}

/** Reads a message of another node. Undefined: it is none. */
export function decodeStatus(bytes: Uint8Array): StatusMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
  if (!isRecord(value)) return undefined;
  const { name, seq, stage, values, connectsTotal, heard } = value;
  if (typeof name !== "string" || !isCount(seq) || !isNodeStage(stage)) return undefined;
  if (!isRecord(values) || !isCount(connectsTotal) || !isRecord(heard)) return undefined;
  return { name, seq, stage, connectsTotal, values: readSignalValues(values), heard: readHeard(heard) };
}

function readHeard(heard: Readonly<Record<string, unknown>>): StatusMessage["heard"] {
  const read: Record<string, readonly [number, number]> = Object.create(null);
  for (const [name, pair] of Object.entries(heard).slice(0, heardMax)) {
    if (!Array.isArray(pair)) continue;
    const [seq, heldMs]: unknown[] = pair;
    if (isCount(seq) && typeof heldMs === "number" && heldMs >= 0) read[name] = [seq, heldMs];
  }
  return read;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

import {
  isNodeStage,
  type NodeStage,
  readSignalValues,
  type SignalValues,
} from "../../core/autoscale/signal.js";
import { isRecord } from "../../core/shared/json.js";

/** What a node tells the `up` that runs it, over the channel between the two processes. */
export type NodeMessage =
  | { readonly type: "simurgh:listening"; readonly port: number }
  /** How the node is: once a second, and whenever its stage changes. */
  | { readonly type: "simurgh:status"; readonly stage: NodeStage; readonly values: SignalValues }
  /** The node cannot start; it is about to exit. */
  | { readonly type: "simurgh:failed"; readonly message: string };

/** What `up` tells a node that it runs. */
export type NodeOrder =
  /** Send the clients away, then exit with 0. What is left after `limitMs` is closed at once. */
  | { readonly type: "simurgh:drain"; readonly limitMs: number }
  /** Call the drain off. */
  | { readonly type: "simurgh:cancel" }
  /** That node has gone for good: it need not be looked for any more. */
  | { readonly type: "simurgh:gone"; readonly name: string }
  /** End now, in good order: nobody is left to take the clients, or somebody is in a hurry. */
  | { readonly type: "simurgh:stop" };

/** Name of the environment variable that tells a node that `up` runs it. */
export const supervisedVariable = "SIMURGH_SUPERVISED";

/** Name of the environment variable that holds the secret which the nodes of a cluster share. */
export const secretVariable = "SIMURGH_SECRET";

/** Checks what came over the channel from a node. Undefined: not one of ours, such as a message of the application. */
export function parseNodeMessage(value: unknown): NodeMessage | undefined {
  if (!isRecord(value)) return undefined;
  const { type, port, message, stage, values } = value;
  if (type === "simurgh:listening" && typeof port === "number") return { type, port };
  if (type === "simurgh:failed" && typeof message === "string") return { type, message };
  if (type !== "simurgh:status" || !isNodeStage(stage) || !isRecord(values)) return undefined;
  return { type, stage, values: readSignalValues(values) };
}

/** Checks what came over the channel from `up`. Undefined: not one of ours. */
export function parseNodeOrder(value: unknown): NodeOrder | undefined {
  if (!isRecord(value)) return undefined;
  const { type, limitMs, name } = value;
  if (type === "simurgh:cancel" || type === "simurgh:stop") return { type };
  if (type === "simurgh:gone" && typeof name === "string") return { type, name };
  return type === "simurgh:drain" && typeof limitMs === "number" ? { type, limitMs } : undefined;
}

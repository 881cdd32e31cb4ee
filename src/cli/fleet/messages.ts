/** What a node tells the `up` that runs it, over the channel between the two processes. */
export type NodeMessage =
  | { readonly type: "simurgh:listening"; readonly port: number }
  /** The node cannot start; it is about to exit. */
  | { readonly type: "simurgh:failed"; readonly message: string };

/** Name of the environment variable that tells a node that `up` runs it. */
export const supervisedVariable = "SIMURGH_SUPERVISED";

/** Name of the environment variable that holds the secret which the nodes of a cluster share. */
export const secretVariable = "SIMURGH_SECRET";

/** Checks what came over the channel. Undefined: not one of ours, such as a message of the application. */
export function parseNodeMessage(value: unknown): NodeMessage | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { type, port, message }: { type?: unknown; port?: unknown; message?: unknown } = value;
  if (type === "simurgh:listening" && typeof port === "number") return { type, port };
  return type === "simurgh:failed" && typeof message === "string" ? { type, message } : undefined;
}

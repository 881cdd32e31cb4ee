import { type NodeMessage, type NodeOrder, parseNodeOrder, supervisedVariable } from "../fleet/messages.js";

/** The `simurgh up` that runs this node. */
export interface Parent {
  tell(message: NodeMessage): void;
  /** Calls `listener` for each order; one that came before is not lost. */
  onOrder(listener: (order: NodeOrder) => void): void;
  /** Resolves when it is gone: this node must not outlive it. */
  readonly gone: Promise<void>;
}

/** The `up` that runs this process; undefined when it was started by hand or by something else. */
export function findParent(): Parent | undefined {
  if (process.env[supervisedVariable] !== "1" || process.send === undefined) return undefined;
  return {
    // When the channel is closed, `gone` says so.
    tell: (message) => void process.send?.(message, undefined, {}, () => {}),
    // Node keeps what comes over the channel until somebody listens.
    onOrder: (listener) => {
      process.on("message", (value) => {
        const order = parseNodeOrder(value);
        if (order !== undefined) listener(order);
      });
    },
    gone: new Promise((resolve) => process.once("disconnect", resolve)),
  };
}

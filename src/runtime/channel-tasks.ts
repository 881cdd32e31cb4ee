import { type Message, phx } from "../core/protocol/message.js";
import type { TerminateReason } from "./channel-types.js";

/** Something for a channel to handle that does not come from its client. */
export class Inner {
  readonly kind: "afterJoin" | "out" | "info";
  /** The join params, the intercepted broadcast, or the message. */
  readonly value: unknown;
  constructor(kind: Inner["kind"], value: unknown) {
    this.kind = kind;
    this.value = value;
  }
}

/** One thing for a channel to handle. */
export type Task = Message | Inner;

/** What the client of a joined channel is told at its end; after a lost connection or a new join nothing. */
export function endEvent(reason: TerminateReason): typeof phx.close | typeof phx.error | undefined {
  switch (reason.kind) {
    case "left":
    case "permission_lost":
      return phx.close;
    case "stopped":
      return reason.reason === "normal" || reason.reason === "shutdown" ? phx.close : phx.error;
    case "crashed":
      return phx.error;
    case "closed":
    case "rejoined":
      return undefined;
    default:
      return reason satisfies never;
  }
}

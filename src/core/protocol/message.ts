import type { Json } from "../shared/json.js";

/** A client's reference: opaque, compared strictly (`4` is not `"4"`), echoed with its JSON type. */
export type Ref = Json;

/**
 * One message from a client. Topic and event are strings from every sane client, but the wire allows any JSON,
 * and a topic that is no string is merely unmatched.
 */
export interface Message {
  readonly joinRef: Ref;
  readonly ref: Ref;
  readonly topic: Json;
  readonly event: Json;
  readonly payload: Json | Uint8Array;
}

/** Why bytes are no message. A value: the peer's fault is not an exception. */
export class ProtocolFault {
  readonly what: string;
  constructor(what: string) {
    this.what = what;
  }
}

/** Event names and topic that the protocol itself owns. */
export const phx = {
  topic: "phoenix",
  heartbeat: "heartbeat",
  join: "phx_join",
  leave: "phx_leave",
  reply: "phx_reply",
  error: "phx_error",
  close: "phx_close",
} as const;

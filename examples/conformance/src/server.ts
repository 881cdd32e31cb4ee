import { createEndpoint, type Endpoint, type EndpointOptions } from "simurgh";
import { realtime } from "./realtime.js";
import { clients, room } from "./room.js";

/** Settings of {@link createConformanceServer}. */
export interface ConformanceOptions extends Omit<EndpointOptions, "sockets"> {
  /** Milliseconds that a long poll waits. Default 10 000. */
  readonly windowMs?: number;
}

/** A server for the golden transcripts, at `/socket`, over WebSocket and long poll. */
export function createConformanceServer({
  windowMs = 10_000,
  ...options
}: ConformanceOptions = {}): Endpoint {
  const mount = {
    socket: clients.routes({ "room:*": room, "realtime:*": realtime }),
    longpoll: { windowMs },
  };
  return createEndpoint({ ...options, sockets: { "/socket": mount } });
}

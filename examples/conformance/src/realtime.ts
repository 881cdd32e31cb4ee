import { event, ok, type Payload } from "simurgh";
import { clients } from "./room.js";

/** What the client of Supabase sends and hears as `broadcast`. */
interface RealtimeBroadcast {
  readonly type: "broadcast";
  readonly event: string;
  readonly payload?: Payload;
}

/** What such a client may ask for when it joins. */
interface BroadcastConfig {
  /** Whether it hears its own broadcasts. */
  readonly self?: boolean;
  /** Whether it wants them acknowledged. */
  readonly ack?: boolean;
}

/**
 * A channel for `@supabase/realtime-js`: its broadcasts, on topics `realtime:*`. A client that is to send them must be
 * told `vsn: "1.0.0"`; under the default it packs them in binary messages of its own kind, which Phoenix has not.
 */
export const realtime = clients.channel({
  events: { broadcast: event<RealtimeBroadcast>() },
  assigns: () => ({ broadcast: {} as BroadcastConfig }),
  join(ch, params) {
    ch.assigns.broadcast = readConfig(params);
    return ok();
  },
  in: {
    broadcast(ch, payload) {
      if (!isBroadcast(payload)) return;
      if (ch.assigns.broadcast.self) ch.broadcast("broadcast", payload);
      else ch.broadcastFrom("broadcast", payload);
      return ch.assigns.broadcast.ack ? ok() : undefined;
    },
    // The client renews its token so; who checks tokens looks at it here.
    access_token() {},
    presence() {},
  },
});

function readConfig(params: Payload): BroadcastConfig {
  const config = get(params, "config");
  const broadcast = get(config, "broadcast");
  return { self: get(broadcast, "self") === true, ack: get(broadcast, "ack") === true };
}

function get(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

function isBroadcast(payload: unknown): payload is RealtimeBroadcast {
  return get(payload, "type") === "broadcast" && typeof get(payload, "event") === "string";
}

import type { Clock } from "../contracts/clock.js";
import type { Logger } from "../contracts/logger.js";
import type { TopicRoutes } from "../core/socket/routes.js";
import type { MountAuth } from "./auth/mount-auth.js";
import type { ChannelCallbacks } from "./channel-definition.js";
import type { Counters } from "./counters.js";
import type { InboundRates } from "./limits/inbound-meter.js";
import type { NodeGuards } from "./limits/node-guards.js";
import type { Flusher } from "./outbox.js";
import type { NodePresence } from "./presence/node-presence.js";
import type { PubSub } from "./pubsub.js";
import type { Session } from "./session.js";

/** A topic pattern's target. */
export interface RouteTarget {
  readonly callbacks: ChannelCallbacks;
  readonly assigns: object;
}

/** The presences that run on a node, by their definitions. */
export type PresenceRegistry = ReadonlyMap<object, NodePresence>;

/** Bounds on one socket and its channels. */
export interface SocketLimits {
  /** Channels joined at the same time on one socket. Beyond: the join is refused. */
  readonly channelsMax: number;
  /** Messages that wait for a busy channel. Beyond: the channel ends with `phx_error`. */
  readonly inboxMax: number;
  /** Messages that wait for a join under way. Beyond: the transport stops reading until the join is done. */
  readonly heldMessagesMax: number;
  /** Bytes of such messages, more or less. Beyond: as above. */
  readonly heldBytesMax: number;
  /** UTF-16 code units of a topic, or of a join_ref, that a channel is joined with. Beyond: the join is refused. */
  readonly nameLengthMax: number;
  /** Bytes that wait for one reader. Beyond: the connection is closed with 1013. */
  readonly queueBytesMax: number;
  /** Messages a second from one client, heartbeats included. Beyond: error reply with `retry_after_ms`. */
  readonly messagesPerS: number;
  /** Messages that may come at once when few came before. */
  readonly messagesBurstMax: number;
  /** Bytes a second from one client; of text, UTF-16 code units. Beyond: error reply with `retry_after_ms`. */
  readonly bytesPerS: number;
  /** Bytes that may come at once when few came before. A larger message may come alone, and is then waited off. */
  readonly bytesBurstMax: number;
  /** Joins a second from one client. Beyond: error reply with `retry_after_ms`. */
  readonly joinsPerS: number;
  /** Joins that may come at once when few came before. */
  readonly joinsBurstMax: number;
  /** Such error replies to one client in a minute, more or less. Beyond: the connection is closed with 1008. */
  readonly refusalsMax: number;
}

/** What all sessions of one mounted socket share. */
export interface Mount {
  readonly path: string;
  readonly routes: TopicRoutes<RouteTarget>;
  readonly limits: SocketLimits;
  readonly rates: InboundRates;
  /** Connections that are open now; each session enters and leaves by itself. */
  readonly sessions: Set<Session>;
  /** Undefined: the socket verifies no tokens. */
  readonly auth: MountAuth | undefined;
  readonly pubsub: PubSub;
  readonly presences: PresenceRegistry;
  readonly flusher: Flusher;
  readonly counters: Counters;
  /** What keeps the whole node within its limits. */
  readonly guards: NodeGuards;
  readonly logger: Logger;
  readonly clock: Clock;
}

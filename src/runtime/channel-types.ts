import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Payload } from "./broadcast.js";
import type { HandlerResult, MaybePromise, Reply } from "./result.js";

/** What may be pushed and broadcast: an object that JSON can write, or bytes. No list, no function, no Map. */
export type EventPayload =
  | Uint8Array
  | { readonly [key: string]: unknown }
  // Objects of interfaces and classes; those that JSON writes as something else have one of these.
  | (object & { readonly [Symbol.iterator]?: never; readonly apply?: never });

/** Declares the payload of an event that a channel sends; types only, nothing is checked at run time. */
export interface EventType<P extends EventPayload> {
  /** Never set: carries the type. */
  readonly payload?: P;
}

/** The payload type of an outgoing event, for `events` of a channel. */
export function event<P extends EventPayload>(): EventType<P> {
  return {};
}

/** Declared outgoing events, by name. */
export type EventDeclarations = { readonly [event: string]: EventType<EventPayload> };

/** The payloads of declared events; any object when nothing was declared. */
export type PayloadsOf<E> = string extends keyof E
  ? { readonly [event: string]: EventPayload }
  : { readonly [K in keyof E]: E[K] extends EventType<infer P> ? P : never };

/** Schemas of incoming events, by event name. */
export type PayloadSchemas = { readonly [event: string]: StandardSchemaV1 };

/** Why a channel ended, as `terminate` is told. */
export type TerminateReason =
  /** The client left. */
  | { readonly kind: "left" }
  /** The connection is gone, or the node drains. */
  | { readonly kind: "closed" }
  /** The client joined the topic again on the same connection. What is pushed now is dropped. */
  | { readonly kind: "rejoined" }
  /** The client renewed its token, and the new one does not grant the topic. */
  | { readonly kind: "permission_lost" }
  /** A handler returned or called stop. */
  | { readonly kind: "stopped"; readonly reason: string }
  /** A handler threw. */
  | { readonly kind: "crashed"; readonly error: unknown };

/** Answers one message later, from anywhere, as often as you like, even after the channel has ended. */
export interface SocketRef {
  reply(reply: Reply): void;
}

/** An event from a topic that the channel subscribed to by hand, as `info` receives it. */
export interface BroadcastEvent {
  readonly topic: string;
  readonly event: string;
  readonly payload: Payload;
}

/** Facts about the connection that a channel belongs to. */
export interface SocketFacts {
  /** What the socket's `id` callback returned. */
  readonly id: string | undefined;
  readonly transport: "websocket" | "longpoll";
  readonly vsn: "1.0.0" | "2.0.0";
}

/** What a channel's callbacks work with: one client's membership in one topic. */
export interface ChannelContext<Assigns extends object, Events> {
  readonly topic: string;
  /** This channel's own state, seeded from the socket, the route and the channel. Change it freely. */
  readonly assigns: Assigns;
  readonly socket: SocketFacts;
  /** Sends an event to this client. */
  push<K extends keyof Events & string>(event: K, payload: Events[K]): void;
  /** Sends an event to every subscriber of the topic, on every node, this client included. */
  broadcast<K extends keyof Events & string>(event: K, payload: Events[K]): void;
  /** As `broadcast`, without this client. */
  broadcastFrom<K extends keyof Events & string>(event: K, payload: Events[K]): void;
  /** A handle to answer the message being handled, later. Undefined when the message asked for no answer. */
  socketRef(): SocketRef | undefined;
  /** Puts a message into this channel's own inbox; `info` receives it when the current callback is over. */
  send(message: unknown): void;
  /** Subscribes this channel to another topic; `info` receives its events. Twice delivers twice. */
  subscribe(topic: string): void;
  /** Ends all subscriptions of this channel to `topic`. */
  unsubscribe(topic: string): void;
  /** Ends the channel from outside of a callback; see `stop`. */
  stop(reason?: string): void;
}

/** Handlers of incoming events: those with a schema get its output, the others any JSON or bytes. */
export type InHandlers<Context, Schemas, In> = {
  [K in keyof In]: K extends keyof Schemas
    ? Schemas[K] extends StandardSchemaV1
      ? (ch: Context, payload: StandardSchemaV1.InferOutput<Schemas[K]>) => MaybePromise<HandlerResult>
      : never
    : (ch: Context, payload: Payload) => MaybePromise<HandlerResult>;
};

/** Handlers of intercepted broadcasts. Push to pass the event on, return to drop it. */
export type OutHandlers<Context, Events> = {
  [K in keyof Events]?: (ch: Context, payload: Events[K]) => MaybePromise<HandlerResult>;
};

/** What a channel is, as its author writes it. */
export interface ChannelOptions<
  Params extends StandardSchemaV1,
  Own extends object,
  Events extends EventDeclarations,
  Schemas extends PayloadSchemas,
  In,
  Joined extends MaybePromise<Reply>,
  Context,
> {
  /** Schema of the join params; a client failing it is refused with `{"reason":"invalid payload","issues":[…]}`. */
  readonly params?: Params;
  /** Schemas of incoming events; a payload failing its schema gets that same error reply, and the channel lives on. */
  readonly payloads?: Schemas;
  /** Payload types of the events that this channel pushes and broadcasts. */
  readonly events?: Events;
  /** State that each channel starts with, beside what the socket assigns; a route's assigns win over both. */
  readonly assigns?: () => Own;
  /** Lets the client in with `ok(response)` or refuses it with `error(response)`. Nothing can be pushed yet. */
  join(ch: Context, params: StandardSchemaV1.InferOutput<Params>): Joined;
  /** Runs right after the join reply was sent, before any message of the client. */
  afterJoin?(ch: Context, params: StandardSchemaV1.InferOutput<Params>): MaybePromise<HandlerResult>;
  /** Handlers by event name. An event without one ends the channel with `phx_error`, as in Phoenix. */
  readonly in?: In & InHandlers<Context, Schemas, In>;
  /** Intercepted broadcasts: these events reach the handler instead of the client. */
  readonly out?: OutHandlers<Context, PayloadsOf<Events>>;
  /** Every other message: from `send`, and {@link BroadcastEvent}s of topics subscribed by hand. */
  info?(ch: Context, message: unknown): MaybePromise<HandlerResult>;
  /** Runs once when the channel has ended for any reason. */
  terminate?(ch: Context, reason: TerminateReason): MaybePromise<void>;
}

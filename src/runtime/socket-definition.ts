import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { VerifiedToken } from "../contracts/token.js";
import { patternFault } from "../core/socket/routes.js";
import type { Payload } from "./broadcast.js";
import type { AnyHandler, ChannelCallbacks } from "./channel-definition.js";
import type {
  ChannelContext,
  ChannelOptions,
  EventDeclarations,
  PayloadSchemas,
  PayloadsOf,
} from "./channel-types.js";
import type { AuthenticatedRequest, ConnectRequest } from "./connect-request.js";
import type { SocketAuth } from "./connect-token.js";
import { SimurghError } from "./errors.js";
import type { RouteTarget } from "./mount.js";
import type { MaybePromise, Reply } from "./result.js";

/** The connection may open; these are the socket's assigns. */
export interface Accept<Assigns extends object> {
  readonly kind: "accept";
  readonly assigns: Assigns;
}

/** The connection may not open. The reason goes to the mount's `errorHandler`. */
export interface Refuse {
  readonly kind: "refuse";
  readonly reason: unknown;
}

/** Lets a connection in; every channel of it starts with these assigns. */
export function accept(): Accept<Readonly<Record<never, never>>>;
export function accept<Assigns extends object>(assigns: Assigns): Accept<Assigns>;
export function accept(assigns: object = {}): Accept<object> {
  return { kind: "accept", assigns };
}

/** Refuses a connection: HTTP 403 with an empty body, unless the mount's `errorHandler` makes another answer. */
export function refuse(reason?: unknown): Refuse {
  return { kind: "refuse", reason };
}

/** What every socket is, as its author writes it. */
export interface CommonSocketOptions<Assigns extends object, Request> {
  /** Decides about a new connection. Absent: everybody may connect. A throw refuses, and is logged. */
  connect?(request: Request): MaybePromise<Accept<Assigns> | Refuse>;
  /** Names the connection: broadcasting `disconnect` to this topic closes it, wherever it is. */
  id?(socket: { readonly assigns: Assigns }): string | null | undefined;
  /**
   * Whose connection it is, for `socketsPerUserMax`: an account, a tenant, whatever shall have so many sockets and no
   * more. Absent: the `id`. Nothing: this connection counts for nobody.
   */
  user?(socket: { readonly assigns: Assigns }): string | null | undefined;
}

/** A socket whose clients' tokens, if they have any, are the application's business. */
export interface SocketOptions<Assigns extends object> extends CommonSocketOptions<Assigns, ConnectRequest> {
  readonly auth?: undefined;
}

/** A socket that lets a client in by its token; undefined may be in its place only if none is required. */
export interface AuthenticatedSocketOptions<Assigns extends object, Required extends boolean>
  extends CommonSocketOptions<
    Assigns,
    AuthenticatedRequest<Required extends true ? VerifiedToken : VerifiedToken | undefined>
  > {
  /** Has every client's token verified before `connect` is asked. */
  readonly auth: SocketAuth & { readonly required?: Required };
}

/**
 * A channel, ready to be routed to. Its first type parameters are what a typed client is derived from; `Needs` are
 * the assigns of the socket that it was written for, `Own` its own beside them.
 */
export interface ChannelDefinition<
  Params = unknown,
  Events = unknown,
  Schemas = unknown,
  In = unknown,
  Joined = unknown,
  Needs = unknown,
  Own = unknown,
> {
  readonly callbacks: ChannelCallbacks;
  /** Never set: carries the types. */
  readonly types?: {
    params: Params;
    events: Events;
    payloads: Schemas;
    in: In;
    joined: Joined;
    needs: Needs;
    own: Own;
  };
}

/** A channel with assigns of its own for one route. */
export interface Route<Needs = unknown> {
  readonly channel: ChannelDefinition;
  readonly assigns: object;
  /** Never set: carries the type. */
  readonly types?: { needs: Needs };
}

/** Channels as they are; in the place of one that was written for a socket with other assigns, what is wrong. */
export type RoutableFrom<Assigns, Channels> = {
  readonly [Pattern in keyof Channels]: Channels[Pattern] extends { readonly types?: { needs: infer Needs } }
    ? Assigns extends Needs
      ? Channels[Pattern]
      : "this channel was written for a socket with other assigns"
    : Channels[Pattern];
};

/** A socket with its topics, ready to be mounted at a path. */
export interface SocketRoutes<Channels = unknown> {
  readonly auth: SocketAuth | undefined;
  /** `token` is there when `auth` is. */
  readonly connect:
    | ((request: AuthenticatedRequest<VerifiedToken | undefined>) => MaybePromise<Accept<object> | Refuse>)
    | undefined;
  readonly id: ((socket: { readonly assigns: object }) => string | null | undefined) | undefined;
  /** Whom the connection counts for. Absent: whom `id` names. */
  readonly user?: ((socket: { readonly assigns: object }) => string | null | undefined) | undefined;
  readonly routes: readonly (readonly [pattern: string, target: RouteTarget])[];
  /** Never set: carries the types. */
  readonly types?: Channels;
}

/** A socket: who may connect. Its channels inherit the type of its assigns. */
export interface SocketDefinition<Assigns extends object> {
  /** Defines a channel on this socket. */
  channel<
    Params extends StandardSchemaV1 = StandardSchemaV1<unknown, Payload>,
    Own extends object = Record<never, never>,
    Events extends EventDeclarations = EventDeclarations,
    Schemas extends PayloadSchemas = Record<never, never>,
    In extends object = Record<never, never>,
    Joined extends MaybePromise<Reply> = MaybePromise<Reply>,
  >(
    options: ChannelOptions<
      Params,
      Own,
      Events,
      Schemas,
      In,
      Joined,
      ChannelContext<Assigns & Own, PayloadsOf<Events>>
    >,
  ): ChannelDefinition<Params, Events, Schemas, In, Joined, Assigns, Own>;
  /**
   * Routes topics to channels. `*` may only be the last character; the first declared match wins.
   * Throws `endpoint_config_invalid` for a pattern that cannot work.
   */
  routes<Channels extends { readonly [pattern: string]: ChannelDefinition | Route }>(
    channels: Channels & RoutableFrom<Assigns, Channels>,
  ): SocketRoutes<Channels>;
}

/** Routes a topic to a channel with assigns that win over the socket's and the channel's own. */
export function route<Needs, Own>(
  channel: ChannelDefinition<unknown, unknown, unknown, unknown, unknown, Needs, Own>,
  assigns: Partial<Needs & Own>,
): Route<Needs> {
  return { channel, assigns };
}

/** Defines a socket. */
export function socket<Assigns extends object = Record<never, never>, const Required extends boolean = true>(
  options: AuthenticatedSocketOptions<Assigns, Required>,
): SocketDefinition<Assigns>;
export function socket<Assigns extends object = Record<never, never>>(
  options?: SocketOptions<Assigns>,
): SocketDefinition<Assigns>;
export function socket<Assigns extends object>(
  options: SocketOptions<Assigns> | AuthenticatedSocketOptions<Assigns, boolean> = {},
): SocketDefinition<Assigns> {
  return {
    channel: (channelOptions) => ({ callbacks: compile(channelOptions) }),
    routes: (channels) => ({
      // The callbacks were checked against Assigns where they were written, and get just those at run time.
      auth: options.auth,
      // Where the type of the request promises a token, decideConnect has one.
      connect: options.connect?.bind(options) as SocketRoutes["connect"],
      id: options.id?.bind(options) as SocketRoutes["id"],
      user: options.user?.bind(options) as SocketRoutes["user"],
      routes: Object.entries(channels).map(
        ([pattern, target]) => [pattern, compileRoute(pattern, target)] as const,
      ),
    }),
  };
}

function compileRoute(pattern: string, target: ChannelDefinition | Route): RouteTarget {
  const fault = patternFault(pattern);
  if (fault !== undefined)
    throw new SimurghError("endpoint_config_invalid", `topic ${JSON.stringify(pattern)}: ${fault}`);
  if ("callbacks" in target) return { callbacks: target.callbacks, assigns: {} };
  return { callbacks: target.channel.callbacks, assigns: target.assigns };
}

/** The author's options, with the types that only he needs taken off. */
interface ErasedOptions {
  readonly params?: StandardSchemaV1;
  readonly payloads?: PayloadSchemas;
  readonly assigns?: () => object;
  readonly join: ChannelCallbacks["join"];
  readonly afterJoin?: AnyHandler;
  readonly in?: Readonly<Record<string, AnyHandler>>;
  readonly out?: Readonly<Record<string, AnyHandler>>;
  readonly info?: AnyHandler;
  readonly terminate?: NonNullable<ChannelCallbacks["terminate"]>;
}

function compile(options: object): ChannelCallbacks {
  // SocketDefinition.channel has checked the options; callbacks get exactly the context they were typed with.
  const erased = options as ErasedOptions;
  for (const event of Object.keys(erased.payloads ?? {})) {
    if (Object.hasOwn(erased.in ?? {}, event)) continue;
    // A misspelt name would leave the event that was meant unchecked.
    const fault = `payloads has a schema for ${JSON.stringify(event)}, in has no handler for it`;
    throw new SimurghError("endpoint_config_invalid", fault);
  }
  return {
    params: erased.params,
    payloads: new Map(Object.entries(erased.payloads ?? {})),
    assigns: erased.assigns,
    join: erased.join.bind(erased),
    afterJoin: erased.afterJoin?.bind(erased),
    in: new Map(Object.entries(erased.in ?? {})),
    out: new Map(Object.entries(erased.out ?? {})),
    info: erased.info?.bind(erased),
    terminate: erased.terminate?.bind(erased),
  };
}

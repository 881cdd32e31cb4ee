/** Phoenix Channels for TypeScript, built to scale out. */

export type {
  PhoenixToken,
  PhoenixTokenResult,
  SignOptions,
  VerifyOptions,
} from "./auth/phoenix-token/phoenix-token.js";
export { Atom, type Term, type TermRecord, Tuple } from "./auth/phoenix-token/term.js";
export {
  type PhoenixTokenVerifierOptions,
  phoenixTokenVerifier,
} from "./auth/phoenix-token/verifier.js";
export type { App, AppEndpoint, NodeContext } from "./cli/app.js";
export type { LogFields, Logger } from "./contracts/logger.js";
export type { PubSubAdapter, PubSubEvent, PubSubHost } from "./contracts/pubsub-adapter.js";
export type {
  KnownDecision,
  ScaleDriver,
  ScaleHost,
  ScalePage,
  ScalePageRequest,
} from "./contracts/scale-driver.js";
export type { TokenRefusal, TokenVerifier, Verification, VerifiedToken } from "./contracts/token.js";
export type { Permission, PermissionQuestion, Permissions, Policy } from "./core/auth/permissions.js";
export type { ReplayLimits } from "./core/auth/replay-guard.js";
export type { AutoscaleAction, AutoscaleDecision, Restraint } from "./core/autoscale/decide.js";
export type { AutoscalePolicy, AutoscalePolicyInput, Pace, SignalTarget } from "./core/autoscale/policy.js";
export type { NodeReport, NodeStage, SignalName, SignalValues } from "./core/autoscale/signal.js";
export type { SignalWish } from "./core/autoscale/wish.js";
export type { Json, JsonObject } from "./core/shared/json.js";
export type { Param, Params } from "./core/socket/query.js";
export {
  createEndpoint,
  type Endpoint,
  type EndpointOptions,
  type EndpointStats,
  type ListenOptions,
} from "./create-endpoint.js";
export { local } from "./edges/pubsub/local.js";
export { type MeshAdapter, type MeshLink, type MeshPeer, mesh } from "./edges/pubsub/mesh/mesh.js";
export type { MeshLimits, MeshOptions, MeshTiming } from "./edges/pubsub/mesh/options.js";
export { type LineLoggerOptions, type LogLevel, lineLogger } from "./edges/system/logger.js";
export { phoenixToken, type SystemPhoenixTokenOptions } from "./edges/system/phoenix-token.js";
export type {
  EndpointAuthOptions,
  PermissionSource,
  Revocation,
  TokenLifeOptions,
} from "./runtime/auth/auth-options.js";
export type { AutoscaleReport } from "./runtime/autoscale/autoscaler.js";
export type { AutoscaleOptions } from "./runtime/autoscale/options.js";
export type { Payload } from "./runtime/broadcast.js";
export {
  type BroadcastEvent,
  type ChannelContext,
  type ChannelOptions,
  type EventPayload,
  type EventType,
  event,
  type SocketFacts,
  type SocketRef,
  type TerminateReason,
} from "./runtime/channel-types.js";
export type { AuthenticatedRequest, ConnectInfo, ConnectRequest, Peer } from "./runtime/connect-request.js";
export type { SocketAuth } from "./runtime/connect-token.js";
export type {
  CheckOrigin,
  DrainOptions,
  FleetOptions,
  LongPollOptions,
  MountOptions,
  RebalanceOptions,
  WebSocketOptions,
} from "./runtime/endpoint-options.js";
export { type ErrorCode, SimurghError } from "./runtime/errors.js";
export type { NodeStatus } from "./runtime/fleet/statuses.js";
export type { HttpAnswer, SessionSource } from "./runtime/http-answer.js";
export type { NodeLimits } from "./runtime/limits/node-limits.js";
export type { SocketLimits } from "./runtime/mount.js";
export type { PresenceStats } from "./runtime/presence/node-presence.js";
export { presence } from "./runtime/presence/presence.js";
export type {
  AnyPresence,
  AsyncPresenceOptions,
  MetaUpdate,
  Presence,
  PresenceChannel,
  PresenceEntry,
  PresenceFault,
  PresenceMode,
  PresenceNode,
  PresenceOptions,
  PresencePage,
  PresencePageRequest,
  PresenceReader,
  PresenceResult,
  PresenceSetup,
  Presences,
  TrackedMeta,
} from "./runtime/presence/presence-types.js";
export {
  error,
  type HandlerResult,
  type MaybePromise,
  ok,
  type Reply,
  reply,
  type Sendable,
  type Stop,
  stop,
} from "./runtime/result.js";
export {
  type Accept,
  type AuthenticatedSocketOptions,
  accept,
  type ChannelDefinition,
  type Refuse,
  type Route,
  refuse,
  route,
  type SocketDefinition,
  type SocketOptions,
  type SocketRoutes,
  socket,
} from "./runtime/socket-definition.js";

import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { TerminateReason } from "./channel-types.js";
import type { HandlerResult, MaybePromise, Reply } from "./result.js";

/** A handler as the runner calls it: its author's types were checked where it was written. */
export type AnyHandler = (ch: object, payload: unknown) => MaybePromise<HandlerResult>;

/** A channel's callbacks, without the types that only its author needs; compiled once, shared by all its channels. */
export interface ChannelCallbacks {
  readonly params: StandardSchemaV1 | undefined;
  readonly payloads: ReadonlyMap<string, StandardSchemaV1>;
  readonly assigns: (() => object) | undefined;
  readonly join: (ch: object, params: unknown) => MaybePromise<Reply>;
  readonly afterJoin: AnyHandler | undefined;
  readonly in: ReadonlyMap<string, AnyHandler>;
  readonly out: ReadonlyMap<string, AnyHandler>;
  readonly info: AnyHandler | undefined;
  readonly terminate: ((ch: object, reason: TerminateReason) => MaybePromise<void>) | undefined;
}

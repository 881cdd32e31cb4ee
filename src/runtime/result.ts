/** An answer to a client's message. Status is any name; `ok` and `error` are what phoenix.js callbacks know. */
export interface Reply<Status extends string = string, Response = unknown> {
  readonly kind: "reply";
  readonly status: Status;
  readonly response: Response;
}

/** Ends the channel after this callback. */
export interface Stop {
  readonly kind: "stop";
  readonly reason: string;
  readonly reply: Reply | undefined;
}

/** What a handler may return: nothing, a reply, or the end of the channel. */
// biome-ignore lint/suspicious/noConfusingVoidType: a handler without a return statement is the usual case.
export type HandlerResult = void | undefined | Reply | Stop;

/** A value now, or a promise of it. Only handlers that return a promise cost one. */
export type MaybePromise<T> = T | Promise<T>;

/** Whether a callback returned a promise, of whatever library. */
export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

const EMPTY = Object.freeze({});

/** A response as it is, unless neither JSON nor bytes can carry it. */
export type Sendable<Response> = Response extends
  | undefined
  | bigint
  | symbol
  | ((...args: never[]) => unknown)
  ? "a response must be JSON or bytes"
  : Response;

/** Replies with status `ok`. The response may be any JSON value, or bytes. */
export function ok(): Reply<"ok", Readonly<Record<string, never>>>;
export function ok<const Response>(response: Sendable<Response>): Reply<"ok", Response>;
export function ok(response: unknown = EMPTY): Reply<"ok", unknown> {
  return { kind: "reply", status: "ok", response };
}

/** Replies with status `error`; from `join` it refuses the client. */
export function error(): Reply<"error", Readonly<Record<string, never>>>;
export function error<const Response>(response: Sendable<Response>): Reply<"error", Response>;
export function error(response: unknown = EMPTY): Reply<"error", unknown> {
  return { kind: "reply", status: "error", response };
}

/** Replies with a status of your own. */
export function reply<const Status extends string>(
  status: Status,
): Reply<Status, Readonly<Record<string, never>>>;
export function reply<const Status extends string, const Response>(
  status: Status,
  response: Sendable<Response>,
): Reply<Status, Response>;
export function reply(status: string, response: unknown = EMPTY): Reply {
  return { kind: "reply", status, response };
}

/**
 * Ends the channel. Reasons `normal` and `shutdown` close it for good at the client (`phx_close`); any other is an
 * error, after which the client joins again (`phx_error`). A reply goes out first.
 */
export function stop(reason = "normal", reply?: Reply): Stop {
  return { kind: "stop", reason, reply };
}

import type { RedisClientOptions } from "redis";
import { createClient } from "redis";
import type { Clock } from "../../../contracts/clock.js";
import type { Address } from "../../../contracts/network.js";
import { SimurghError } from "../../../runtime/errors.js";
import { within } from "../within.js";

/** A client of the library. */
export type RedisClient = ReturnType<typeof createClient>;

/** The client's own options, without those that the engine sees to. */
export type RedisOwnOptions = Omit<
  RedisClientOptions,
  | "url"
  | "RESP"
  | "commandOptions"
  | "disableOfflineQueue"
  | "maintNotifications"
  | "clientSideCache"
  | "emitInvalidate"
  | "keyPrefix"
  | "pingInterval"
> & {
  /** Version of the protocol; servers before Redis 6 speak 2. Default: 3. */
  readonly RESP?: 2 | 3;
};

/** How servers are reached: the options, and the address of the first. */
export interface RedisAccess {
  readonly url: string | undefined;
  readonly client: RedisOwnOptions;
  readonly nodeName: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** Trouble that does not go away by trying again. */
const isRefusal = /^(WRONGPASS|NOAUTH|NOPERM|ERR AUTH|ERR invalid password|ERR Client sent AUTH)/;
const isTlsTrouble = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/;

/** Makes an error of the client one of ours. */
export function faultOf(error: unknown, where: string): SimurghError {
  const reason = reasonOf(error);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const refused = isRefusal.test(reason) || isTlsTrouble.test(code);
  return new SimurghError(refused ? "engine_refused" : "engine_unreachable", `${where}: ${reason}`, {
    cause: error,
  });
}

/** What an error of the client says; some of Node's say it by their code alone. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === "" && "code" in error ? String(error.code) : error.message;
}

/** The URL of another server that is reached like the first one. */
function urlAt(url: string, { host, port }: Address): string {
  const other = new URL(url);
  other.hostname = host.includes(":") ? `[${host}]` : host;
  other.port = String(port);
  return other.href;
}

function optionsFor({ url, client, nodeName, timeoutMs }: RedisAccess, at: Address | undefined) {
  const own = {
    ...client,
    // A name may not have spaces.
    name: client.name ?? `simurgh-${nodeName.replace(/[^!-~]/g, "_")}`,
    // A lost connection is replaced, not repaired: the client keeps commands while it is away.
    disableOfflineQueue: true,
    socket: { ...client.socket, reconnectStrategy: false as const, connectTimeout: timeoutMs },
    // A timer for each command; ours is the ping.
    commandOptions: { timeout: 0 },
    maintNotifications: "disabled" as const,
  };
  if (url !== undefined) return { ...own, url: at === undefined ? url : urlAt(url, at) };
  return at === undefined ? own : { ...own, socket: { ...own.socket, ...at } };
}

/**
 * Connects one client. It is lost once and for all with its first error, which is told to `onLost` when it comes
 * after the connecting. Rejects in time, and leaves nothing behind then.
 */
export async function connectClient(
  access: RedisAccess,
  at: Address | undefined,
  onLost: (reason: string) => void,
): Promise<RedisClient> {
  const { clock, timeoutMs } = access;
  const where = at === undefined ? "redis" : `${at.host}:${at.port}`;
  let connected = false;
  let client: RedisClient;
  try {
    // The options differ in type with each kind of socket; the library's union cannot follow a spread.
    client = createClient(optionsFor(access, at) as RedisClientOptions) as unknown as RedisClient;
  } catch (error) {
    // An option that the library does not take, such as the wish for TLS in one place and not in the other.
    throw new SimurghError("engine_refused", reasonOf(error), { cause: error });
  }
  client.on("error", (error: unknown) => {
    if (connected) onLost(reasonOf(error));
  });
  try {
    if (!(await within(clock, timeoutMs, client.connect()))) throw new Error("no answer");
  } catch (error) {
    client.destroy();
    throw faultOf(error, where);
  }
  connected = true;
  return client;
}

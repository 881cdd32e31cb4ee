import type { Address } from "./network.js";

/** One server behind the front door. */
export interface BalancerServer {
  /** Unique among the servers: the node's name. */
  readonly name: string;
  readonly address: Address;
  /** Its share of new connections beside the others, 0 to 256. At 0 nothing new comes, what is there stays. */
  readonly weight: number;
}

/**
 * What a balancer thinks of a server.
 * - `up`: it takes new connections.
 * - `draining`: it lives and answers `/ready` with another status than 200, or its weight is 0: it keeps the
 *   connections that it has.
 * - `down`: it does not answer.
 */
export type ServerState = "up" | "draining" | "down";

/** One server as its balancer sees it now. */
export interface ServerStatus {
  readonly name: string;
  readonly state: ServerState;
  /** Connections from clients that this server holds. */
  readonly connections: number;
}

/**
 * The front door: shares new connections out among servers, the one with the fewest connections (in proportion
 * to its weight) first.
 *
 * It MUST ask each server `GET /ready` once a second or oftener. A server that answers it with another status
 * than 200 MUST be given nothing new and MUST keep its connections. A server that stops answering MUST be given
 * nothing new, and its connections MUST be closed, so that the clients come back elsewhere. A server that refuses a
 * connection MUST NOT be seen by the client: the next one is tried, unless the client's bytes already reached a
 * server and cannot be repeated safely. With no server left the client gets HTTP 503 with `Retry-After`.
 *
 * Changes come after `start` and before `stop`. They may overlap, and MUST be made in the order of the calls. One that
 * the balancer did not take rejects with a `SimurghError`, and MUST leave its servers as they were.
 */
export interface Balancer {
  /** Name for logs: "embedded", "haproxy". */
  readonly kind: string;
  /**
   * Binds the door and begins to check. The list may be empty: then clients get 503 until the first `add`. Rejects
   * with a `SimurghError` when the door cannot be bound.
   */
  start(servers: readonly BalancerServer[]): Promise<void>;
  /**
   * Takes one more server in; no connection that is there MUST suffer. It counts as up until a check says otherwise.
   * A name that the balancer has is a bug.
   */
  add(server: BalancerServer): Promise<void>;
  /**
   * Changes the address or the weight of the server of that name. Connections that it holds MUST stay. A name that
   * the balancer has not is a bug.
   */
  update(server: BalancerServer): Promise<void>;
  /**
   * Takes a server out and closes the connections that it still holds; those of others MUST stay. To lose none, give
   * it the weight 0 and wait until it holds none. The name may be added again at once. A name that the balancer has
   * not is a bug.
   */
  remove(name: string): Promise<void>;
  /** In the order of `start` and `add`. */
  status(): Promise<readonly ServerStatus[]>;
  /** Closes the door and every connection, and frees everything. MUST be safe to call twice. */
  stop(): Promise<void>;
}

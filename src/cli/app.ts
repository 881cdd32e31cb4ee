import type { Logger } from "../contracts/logger.js";
import type { PubSubAdapter } from "../contracts/pubsub-adapter.js";
import type { Endpoint } from "../create-endpoint.js";

/** What an application is told about the node that it is to be. */
export interface NodeContext {
  /** The node's name, such as `n1@127.0.0.1`: unique in its cluster. */
  readonly name: string;
  /** The engine that joins this node with the others; give it to the endpoint. */
  readonly pubsub: PubSubAdapter;
  /** Made of the cluster's secret, so the same on all its nodes; an endpoint with long poll needs it. */
  readonly secretKeyBase: string;
  /** Whether `simurgh up` runs this node and will start it again when it dies. */
  readonly supervised: boolean;
  readonly logger: Logger;
}

/**
 * What a node needs of an endpoint. One that keeps its own HTTP server may be given as an object of the first three.
 * Without `cancelDrain` a drain cannot be called off; without `fleet` the autoscaler of `up` cannot measure the node,
 * and leaves the fleet as it is.
 */
export type AppEndpoint = Pick<Endpoint, "listen" | "drain" | "stop"> &
  Partial<Pick<Endpoint, "cancelDrain" | "fleet">>;

/**
 * What the module given to `simurgh up` and `simurgh node` exports as its default: makes the endpoint of one node.
 *
 * ```ts
 * export default (({ name, pubsub, secretKeyBase }) =>
 *   createEndpoint({ name, pubsub, secretKeyBase, sockets })) satisfies App;
 * ```
 */
export type App = (node: NodeContext) => AppEndpoint | Promise<AppEndpoint>;

/** The engine `nats`: the nodes of a cluster send their messages by a NATS server. */

export type { BrokerLimits, BrokerOptions, BrokerTiming } from "./edges/pubsub/broker-options.js";
export { type NatsClientOptions, type NatsOptions, nats } from "./edges/pubsub/nats/nats.js";

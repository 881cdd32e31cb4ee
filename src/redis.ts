/** The engine `redis`: the nodes of a cluster send their messages by a Redis server or cluster. */

export type { BrokerLimits, BrokerOptions, BrokerTiming } from "./edges/pubsub/broker-options.js";
export { type RedisOptions, redis } from "./edges/pubsub/redis/redis.js";
export type { RedisOwnOptions } from "./edges/pubsub/redis/redis-client.js";

/** What is measured in time, with its meaning. */
export const latencies = {
  connect: "from the start of the TCP connection to the open WebSocket",
  join: "from the join to its reply",
  broadcast: "from when a message should have been sent to its delivery, to each receiver",
  transit: "from when a message was really sent to its delivery",
  reply: "from when a message should have been sent to the reply to its sender",
  heartbeat: "from a heartbeat to its reply",
  reconnect: "from the loss of a connection to the moment when the client has joined all its topics again",
  sendLag: "from when a message should have been sent to when it was: the generator's own delay",
  slow: "as broadcast, for the clients that read late on purpose",
} as const satisfies Record<string, string>;

/** Name of something that is measured in time. */
export type LatencyName = keyof typeof latencies;

/** All such names. */
export const latencyNames = Object.keys(latencies).filter((name): name is LatencyName => name in latencies);

/** What is counted, with its meaning. */
export const counters = {
  connects: "connections that were opened",
  connectErrors: "connections that were not",
  disconnects: "connections that ended without the tool's doing",
  leaves: "connections that the tool ended, by churn or storm",
  reconnects: "clients that joined all their topics again after a loss",
  joins: "joins that were accepted",
  joinErrors: "joins that were refused or not answered in time",
  channelErrors: "channels that the server ended",
  heartbeats: "heartbeats sent",
  heartbeatErrors: "heartbeats without an answer until the next one was due",
  published: "messages sent",
  unsent: "messages that were due while no client of the worker had joined",
  publishErrors: "messages that were answered with an error",
  replies: "messages that were answered",
  expected: "deliveries that should have happened",
  delivered: "deliveries that happened, each message to each receiver once",
  lost: "deliveries that did not happen in time",
  lostSteady: "lost with no reason in sight",
  lostAtJoin: "lost within a second after the receiver had joined",
  lostDisconnect: "lost around the loss of a connection, of the receiver or the sender",
  lostKill: "lost around a kill",
  lostSlow: "lost by clients that read late on purpose",
  duplicated: "deliveries that came once more",
  reordered: "deliveries that came after the next message of the same sender",
  late: "deliveries that took longer than the limit `late`",
  afterDeadline: "deliveries that came when they had been counted as lost",
  foreign: "messages that came to a client that is not in their topic, or of another run",
  presence: "presence messages received",
  presenceBytes: "bytes of presence messages",
  otherMessages: "other messages received",
  bytesIn: "bytes received",
  bytesOut: "bytes sent",
  nonsense: "frames or answers that are no proper protocol",
} as const satisfies Record<string, string>;

/** Name of something that is counted. */
export type CounterName = keyof typeof counters;

/** All such names. */
export const counterNames = Object.keys(counters).filter((name): name is CounterName => name in counters);

/** A zero for each counter. */
export function zeroCounters(): Record<CounterName, number> {
  // Made of exactly the names that the type has.
  return Object.fromEntries(counterNames.map((name) => [name, 0])) as Record<CounterName, number>;
}

/** The usual figures of one distribution, in milliseconds. */
export interface Distribution {
  readonly count: number;
  readonly min: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** Names of those figures. */
export const distributionStats = ["count", "min", "mean", "p50", "p90", "p99", "p999", "max"] as const;

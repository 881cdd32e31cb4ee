import type { Json } from "../../core/shared/json.js";

/** A span of time: milliseconds, or text such as `250ms`, `10s`, `5m`, `2h`. */
export type Duration = number | string;

/** How the connections are made, one after the other. */
export interface RampSteps {
  /** Connections that are opened at once at each step. */
  readonly step: number;
  /** Time between two steps. */
  readonly every: Duration;
}

/** Which rooms there are and who joins them. */
export interface TopicPlan {
  /** The topic's name; `{n}` in it becomes the number of the topic, from 0. */
  readonly name: string;
  /** Topics that each client joins. Default 1. */
  readonly perClient?: number;
  /** Clients in one topic at most. Default: all of them. */
  readonly clientsPerTopic?: number;
  /** What a client sends to join; texts in it are templates. Default `{}`. */
  readonly join?: Json;
}

/** What is published, and how often. */
export interface PublishPlan {
  /** The event that is pushed. Default `shout`. */
  readonly event?: string;
  /** Messages a second over all clients. */
  readonly rate?: number;
  /** Instead of a rate: each client publishes once in this time. */
  readonly thinkTime?: Duration;
  /** Size of a message's payload, or the bounds of a random one. Default 120. */
  readonly bytes?: number | readonly [number, number];
  /** Whether messages are due at equal distances or as a Poisson process. Default `even`. */
  readonly arrivals?: "even" | "poisson";
  /** What a message is to bring about: a broadcast to its topic, a reply to its sender, or neither. */
  readonly expect?: "broadcast" | "reply" | "none";
  /** Whether the sender gets its own broadcast. Default true. */
  readonly echo?: boolean;
  /**
   * The payload around the message, for servers that want a certain shape: the text `{message}` in it becomes the
   * message. Default `{message}` alone.
   */
  readonly payload?: Json;
}

/** Something that is done to the servers at a time. */
export interface HookPlan {
  /** When, counted from the start of the measurement. */
  readonly at: Duration;
  /** What the report calls it. */
  readonly name?: string;
  /** A shell command. */
  readonly run?: string;
  /** A process to signal. */
  readonly kill?: number;
  /** The signal for it. Default `SIGKILL`. */
  readonly signal?: string;
  /** Whether it takes connections away: what is lost around it is then counted as lost by a kill. Default: for `kill`. */
  readonly disruptive?: boolean;
}

/** All connections, or a share of them, are dropped at once and come back as phoenix.js does. */
export interface StormPlan {
  /** When, counted from the start of the measurement. */
  readonly at: Duration;
  /** Which part of the clients, from 0 to 1. Default 1. */
  readonly share?: number;
}

/** Clients that read late. */
export interface SlowPlan {
  /** Which part of the clients, from 0 to 1. */
  readonly share: number;
  /** How long such a client reads nothing at a time; then it reads all there is. Default `2s`. */
  readonly pause?: Duration;
}

/** What is pushed to each topic after its join, so that the client shows up in the server's presence. */
export interface PresencePlan {
  /** Event that is pushed after each join. Without it the server tracks by itself. */
  readonly event?: string;
  /** Its payload; texts in it are templates. */
  readonly payload?: Json;
}

/** The search for the largest load that keeps a bound. */
export interface SearchPlan {
  /** What is raised. */
  readonly what: "connections" | "rate";
  /** What must hold, as in an assertion: `broadcast.p99 < 50ms`. */
  readonly bound: string;
  /** The first value. */
  readonly from: number;
  /** The last value. */
  readonly to: number;
  /** Runs at most. Default 12. */
  readonly runs?: number;
}

/** Times after which the tool no longer waits. */
export interface LoadLimits {
  /** For a TCP connection with its handshake. Default `10s`. */
  readonly connect?: Duration;
  /** For the reply to a join. Default `10s`. */
  readonly join?: Duration;
  /** For those who have not joined when the ramp is through. Default `15s`. */
  readonly ramp?: Duration;
  /** A message that has not come by then is lost. Default `5s`. */
  readonly settle?: Duration;
  /** A message that takes longer is late. Default `1s`. */
  readonly late?: Duration;
}

/**
 * What `simurgh load` does to a server. Only data, so that it can be sent to workers on other machines. Texts of
 * `params`, `authToken`, `join` and `payload` are templates: `{client}` is the client's number, `{token}` its line of
 * `tokens`, `{topic}` the topic, `{run}` a random text that differs with each run.
 */
export interface LoadScenario {
  /** What the report calls it. */
  readonly name?: string;
  /** Where the socket is mounted, such as `ws://localhost:4000/socket`; with several the clients are dealt out. */
  readonly url: string | readonly string[];
  /** The version of the wire. Default 2. */
  readonly vsn?: 1 | 2;
  /** How many clients. */
  readonly connections: number;
  /** Connections a second, or steps. Default 500. */
  readonly ramp?: number | RampSteps;
  /** How long messages are published, once the clients have joined. Default `10s`. */
  readonly duration?: Duration;
  /** Query parameters of the connection. */
  readonly params?: Readonly<Record<string, string>>;
  /** Further headers of the handshake. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as phoenix.js sends its `authToken`. */
  readonly authToken?: string;
  /** One for each client, again from the start when there are more clients; `{token}` in a template is the client's. */
  readonly tokens?: readonly string[];
  /** Default: all in `room:lobby`. */
  readonly topics?: TopicPlan;
  /** Default: no messages. */
  readonly publish?: PublishPlan;
  readonly presence?: PresencePlan;
  /** Which part of the clients polls instead of using a WebSocket, from 0 to 1. Default 0. */
  readonly longPollShare?: number;
  readonly slow?: SlowPlan;
  /** Clients a second that leave and come back at once. Default 0. */
  readonly churn?: number;
  readonly storms?: readonly StormPlan[];
  readonly hooks?: readonly HookPlan[];
  /** Local addresses to connect from, or ranges such as `127.0.0.2-127.0.0.9`. */
  readonly sources?: readonly string[];
  /** How often a client sends a heartbeat. Default `30s`. */
  readonly heartbeat?: Duration;
  readonly limits?: LoadLimits;
  /** Makes chance repeatable. Default 1. */
  readonly seed?: number;
  /** What must hold at the end, such as `broadcast.p99 < 50ms` or `lost == 0`. */
  readonly assert?: readonly string[];
  readonly search?: SearchPlan;
}

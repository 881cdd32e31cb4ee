import type { Json } from "../../core/shared/json.js";

/** A scenario with every default filled in, times in milliseconds. This is what workers get. */
export interface LoadPlan {
  readonly name: string;
  readonly urls: readonly string[];
  readonly vsn: 1 | 2;
  readonly connections: number;
  /** Connections that are opened at once, and the time between two such steps. */
  readonly ramp: { readonly step: number; readonly everyMs: number };
  readonly durationMs: number;
  readonly params: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly authToken: string | null;
  readonly tokens: readonly string[];
  readonly topics: {
    readonly name: string;
    readonly perClient: number;
    readonly clientsPerTopic: number;
    readonly join: Json;
  };
  readonly publish: PublishSettings | null;
  readonly presence: { readonly event: string | null; readonly payload: Json };
  readonly longPollShare: number;
  readonly slow: { readonly share: number; readonly pauseMs: number };
  readonly churn: number;
  readonly storms: readonly { readonly atMs: number; readonly share: number }[];
  readonly hooks: readonly HookSettings[];
  readonly sources: readonly string[];
  readonly heartbeatMs: number;
  readonly limits: {
    readonly connectMs: number;
    readonly joinMs: number;
    readonly rampMs: number;
    readonly settleMs: number;
    readonly lateMs: number;
  };
  readonly seed: number;
  readonly asserts: readonly string[];
  readonly search: SearchSettings | null;
}

/** How messages are published. */
export interface PublishSettings {
  readonly event: string;
  /** Messages a second over all clients. */
  readonly rate: number;
  readonly bytesMin: number;
  readonly bytesMax: number;
  readonly arrivals: "even" | "poisson";
  readonly expect: "broadcast" | "reply" | "none";
  readonly echo: boolean;
  readonly payload: Json;
}

/** What is done at a time. */
export interface HookSettings {
  readonly atMs: number;
  readonly name: string;
  readonly run: string | null;
  readonly kill: number | null;
  readonly signal: string;
  readonly disruptive: boolean;
}

/** The search for a limit. */
export interface SearchSettings {
  readonly what: "connections" | "rate";
  readonly bound: string;
  readonly from: number;
  readonly to: number;
  readonly runs: number;
}

/** The time at which a client connects, counted from the start of the ramp. */
export function connectAtMs({ ramp }: LoadPlan, client: number): number {
  return Math.floor(client / ramp.step) * ramp.everyMs;
}

/** How long the ramp takes. */
export function rampMs(plan: LoadPlan): number {
  return connectAtMs(plan, plan.connections - 1);
}

/** How many topics there are. */
export function topicCount({ topics, connections }: LoadPlan): number {
  return groupsOf(topics.clientsPerTopic, connections) * topics.perClient;
}

function groupsOf(clientsPerTopic: number, connections: number): number {
  return Math.max(1, Math.ceil(connections / clientsPerTopic));
}

/**
 * The topics of a client. Each of its topics is of another set; in each set the clients are dealt out anew, so that
 * those who share one room do not share all.
 */
export function topicsOf(plan: LoadPlan, client: number): number[] {
  const { perClient, clientsPerTopic } = plan.topics;
  const groups = groupsOf(clientsPerTopic, plan.connections);
  return Array.from({ length: perClient }, (_, set) => {
    const shifted = (client + set * Math.ceil(clientsPerTopic / perClient)) % plan.connections;
    return set * groups + Math.floor(shifted / clientsPerTopic);
  });
}

/** The name of a topic. */
export function topicName({ topics }: LoadPlan, index: number): string {
  return topics.name.replaceAll("{n}", String(index));
}

/** The same plan with more or fewer connections, or another rate. */
export function withValue(plan: LoadPlan, what: SearchSettings["what"], value: number): LoadPlan {
  if (what === "rate")
    return plan.publish === null ? plan : { ...plan, publish: { ...plan.publish, rate: value } };
  const { clientsPerTopic } = plan.topics;
  const isOneTopic = clientsPerTopic >= plan.connections;
  const topics = { ...plan.topics, clientsPerTopic: isOneTopic ? value : clientsPerTopic };
  return { ...plan, connections: value, topics };
}

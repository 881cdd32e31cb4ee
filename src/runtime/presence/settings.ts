import { type DeliveryLimits, deliveryDefaults } from "../../core/presence/delivery.js";
import { resolveTrackerOptions, type TrackerOptions, trackerDefaults } from "../../core/presence/options.js";
import { defaultPolicy, type TopicPolicy } from "../../core/presence/topic-policy.js";
import { compileRoutes, patternFault } from "../../core/socket/routes.js";
import { invalid, requireWhole } from "../configure.js";
import type { FetchLimits, PresenceMode, PresenceNode, PresenceSetup } from "./presence-types.js";

/** What each limit around `fetch` is unless given. */
export const fetchDefaults: FetchLimits = { fetchTimeoutMs: 5_000, fetchesMax: 1_000 };

/** Milliseconds of a window unless given. */
export const windowMsDefault = 250;

/** The author's `fetch` as it is called: its types were checked where it was written. */
export type AnyFetch = (topic: string, presences: object) => unknown;

/** The author's `handleMetas` as it is called. */
export type AnyHandleMetas = (
  topic: string,
  diff: { readonly joins: object; readonly leaves: object },
  present: ReadonlyMap<string, readonly object[]>,
  node: PresenceNode,
) => void;

/** The options of a presence, checked and filled in. */
export interface PresenceSettings {
  readonly name: string;
  readonly poolSize: number;
  readonly tracker: TrackerOptions;
  readonly delivery: DeliveryLimits;
  readonly limits: FetchLimits;
  readonly policyOf: (topic: string) => TopicPolicy;
  readonly fetch: AnyFetch | undefined;
  readonly handleMetas: AnyHandleMetas | undefined;
}

/** Any author's options, with the types that only he needs taken off. */
export type ErasedOptions = Omit<PresenceSetup<object, object>, "handleMetas"> & {
  readonly fetch?: AnyFetch;
  readonly handleMetas?: AnyHandleMetas;
};

/** Checks options. Throws `endpoint_config_invalid` for those that cannot work. */
export function resolveSettings(options: ErasedOptions): PresenceSettings {
  const { name = "presence", poolSize = 1 } = options;
  // It goes into topics between the nodes.
  if (!/^[\x21-\x7e]{1,64}$/.test(name)) {
    throw invalid(
      `the name of a presence must be 1 to 64 visible ASCII characters, not ${JSON.stringify(name)}`,
    );
  }
  if (requireWhole(`poolSize of presence ${name}`, poolSize, 1) > 1_024) {
    throw invalid(`poolSize of presence ${name} must be at most 1024`);
  }
  return {
    name,
    poolSize,
    tracker: trackerOptions(name, options),
    delivery: wholes(name, deliveryDefaults, options),
    limits: wholes(name, fetchDefaults, options),
    policyOf: policies(name, options.topics ?? {}),
    fetch: options.fetch?.bind(options),
    handleMetas: options.handleMetas?.bind(options),
  };
}

/** The author's values of the names in `defaults`. */
function given<T extends object>(defaults: T, options: Partial<T>): Partial<T> {
  const known = Object.entries(options).filter(
    ([key, value]) => Object.hasOwn(defaults, key) && value !== undefined,
  );
  // A part of an object has the types of the object.
  return Object.fromEntries(known) as Partial<T>;
}

function wholes<T extends object>(name: string, defaults: T, options: Partial<T>): T {
  const chosen = given(defaults, options);
  for (const [key, value] of Object.entries(chosen))
    requireWhole(`${key} of presence ${name}`, Number(value), 1);
  return { ...defaults, ...chosen };
}

function trackerOptions(name: string, options: ErasedOptions): TrackerOptions {
  // The endpoint ends its channels before it stops, so there is nothing to keep for a node that comes back.
  const known = { ...trackerDefaults, downPeriodMs: 0, permdownOnShutdown: true as boolean };
  const resolved = resolveTrackerOptions({
    permdownOnShutdown: true,
    ...given<Partial<TrackerOptions>>(known, options),
  });
  if (!resolved.ok) throw invalid(`presence ${name}: ${resolved.reason}`);
  return resolved.options;
}

function policies(
  name: string,
  topics: { readonly [pattern: string]: PresenceMode },
): (topic: string) => TopicPolicy {
  const routes = compileRoutes(
    Object.entries(topics).map(([pattern, mode]) => {
      const where = `topics[${JSON.stringify(pattern)}] of presence ${name}`;
      const fault = patternFault(pattern);
      if (fault !== undefined) throw invalid(`${where}: ${fault}`);
      return [pattern, policyFrom(where, mode)] as const;
    }),
  );
  return (topic) => routes.match(topic) ?? defaultPolicy;
}

function policyFrom(where: string, mode: PresenceMode): TopicPolicy {
  const graceMs = requireWhole(`graceMs of ${where}`, mode.graceMs ?? 0, 0);
  const windowMs = (given = windowMsDefault): number => requireWhole(`windowMs of ${where}`, given, 1);
  switch (mode.mode) {
    case undefined:
    case "every":
      return { mode: "every", graceMs };
    case "coalesced":
    case "counts":
      return { mode: mode.mode, windowMs: windowMs(mode.windowMs), graceMs };
    case "first": {
      const first = requireWhole(`first of ${where}`, mode.first, 1);
      return { mode: "first", first, windowMs: windowMs(mode.windowMs), graceMs };
    }
    default:
      throw invalid(`mode of ${where} is none of every, coalesced, counts, first`);
  }
}

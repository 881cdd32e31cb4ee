import type { SignalName } from "./signal.js";

/** One signal to follow. */
export interface SignalTarget {
  /** What one node can carry: connections, bytes or milliseconds. For `eventLoop` 1. */
  readonly capacity: number;
  /** The share of the capacity to keep in use, above 0 and up to 1. */
  readonly target: number;
}

/** How fast the fleet may change in one direction. */
export interface Pace {
  /**
   * Looks this far back and takes the mildest wish in it: the smallest fleet when growing, the largest when
   * shrinking. 0: the wish of the moment.
   */
  readonly stabilisationMs: number;
  /** Nodes that may be added or removed within `stepPeriodMs`. */
  readonly stepNodes: number;
  /** The same as a share of the fleet, in percent; whichever of the two is more counts. */
  readonly stepPercent: number;
  /** See `stepNodes`. */
  readonly stepPeriodMs: number;
  /** Rest after a change in this direction. */
  readonly coolDownMs: number;
}

/** When a fleet grows and shrinks. `docs/autoscaling.md` describes each field. */
export interface AutoscalePolicy {
  /** The fleet is never smaller. */
  readonly minNodes: number;
  /** The fleet is never larger. */
  readonly maxNodes: number;
  /** At least one. The signal that wants the most nodes wins. */
  readonly signals: { readonly [Name in SignalName]?: SignalTarget };
  /** How far, as a share, the use may be off its target before anything is done. */
  readonly tolerance: number;
  /** Nodes kept beyond what the signals want, for what comes before a new node is ready. */
  readonly spareNodes: number;
  /** Older measurements count as missing. */
  readonly metricAgeMaxMs: number;
  readonly scaleOut: Pace;
  readonly scaleIn: Pace;
}

/** A policy as it is written: what is left out has its default. */
export type AutoscalePolicyInput = Partial<Omit<AutoscalePolicy, "signals" | "scaleOut" | "scaleIn">> & {
  readonly signals?: { readonly [Name in SignalName]?: Partial<SignalTarget> };
  readonly scaleOut?: Partial<Pace>;
  readonly scaleIn?: Partial<Pace>;
};

/** What a policy is where nothing is given. */
export const policyDefaults: AutoscalePolicy = {
  minNodes: 1,
  maxNodes: 10,
  signals: {
    connections: { capacity: 10_000, target: 0.7 },
    eventLoop: { capacity: 1, target: 0.6 },
  },
  tolerance: 0.1,
  spareNodes: 0,
  metricAgeMaxMs: 30_000,
  scaleOut: { stabilisationMs: 0, stepNodes: 4, stepPercent: 100, stepPeriodMs: 15_000, coolDownMs: 0 },
  scaleIn: {
    stabilisationMs: 300_000,
    stepNodes: 1,
    stepPercent: 0,
    stepPeriodMs: 60_000,
    coolDownMs: 60_000,
  },
};

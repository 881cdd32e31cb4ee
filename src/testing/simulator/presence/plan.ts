import type { Prng } from "../../../core/shared/prng.js";
import type { PresenceMode } from "../../../runtime/presence/presence-types.js";
import { type PresenceSettings, resolveSettings } from "../../../runtime/presence/settings.js";
import { defaultBounds } from "../engine.js";

/** What of presence a seed draws. */
export interface PresencePlan {
  readonly topics: number;
  /** Users; the same ones come on every node. */
  readonly keys: number;
  readonly mode: PresenceMode;
  /** How long a `fetch` takes at most; undefined: there is none. */
  readonly fetchMs: number | undefined;
  /** Mean time between two deeds of the users. */
  readonly deedEveryMs: number;
  /** The heartbeat's tick, with which most other times of a tracker are drawn. */
  readonly broadcastPeriodMs: number;
  readonly maxSilentPeriods: number;
  readonly downPeriodMs: number;
  readonly permdownPeriodMs: number;
  readonly lostPeriodMs: number;
  readonly transferTimeoutMs: number;
  readonly flushMs: number;
  readonly repairMs: number;
  readonly messageBytesMax: number;
  readonly deltaLogMax: number;
}

/** Draws a plan. */
export function drawPresencePlan(chance: Prng): PresencePlan {
  const windowMs = chance.pick([20, 250, 1_000]) ?? 250;
  const graceMs = chance.pick([0, 0, 500, 3_000]) ?? 0;
  const modes: readonly PresenceMode[] = [
    { mode: "every", graceMs },
    { mode: "coalesced", windowMs, graceMs },
    { mode: "first", first: chance.between(1, 6), windowMs, graceMs },
    { mode: "counts", windowMs, graceMs },
  ];
  const broadcastPeriodMs = chance.pick([200, 500, 1_500]) ?? 1_500;
  const maxSilentPeriods = chance.pick([2, 4, 10]) ?? 10;
  const downPeriodMs = 2 * broadcastPeriodMs * maxSilentPeriods;
  return {
    topics: chance.between(1, 4),
    keys: chance.pick([2, 10, 60]) ?? 10,
    mode: chance.pick(modes) ?? { mode: "every" },
    fetchMs: chance.chance(0.25) ? chance.pick([1, 200]) : undefined,
    deedEveryMs: chance.pick([10, 40, 150]) ?? 40,
    broadcastPeriodMs,
    maxSilentPeriods,
    downPeriodMs,
    permdownPeriodMs: downPeriodMs + (chance.pick([1, 4_000, 1_200_000]) ?? 4_000),
    lostPeriodMs: chance.pick([0, 500, 5_000]) ?? 5_000,
    transferTimeoutMs: chance.pick([300, 3_000]) ?? 3_000,
    flushMs: chance.pick([0, 25, 200]) ?? 25,
    repairMs: chance.pick([0, 250]) ?? 250,
    // Small enough for slices, at times; never less than twice what a meta and a key may have.
    messageBytesMax: chance.pick([1_300, 4_000, 262_144]) ?? 262_144,
    deltaLogMax: chance.pick([4, 100, 10_000]) ?? 10_000,
  };
}

/** Bounds of what presence promises, in milliseconds. */
export interface PresenceBounds {
  /** A node that is silent is hidden after one of these. */
  readonly downWithinMs: number;
  readonly lostWithinMs: number;
  readonly permdownWithinMs: number;
  /** A change is seen by a node with which nothing is the matter, also when it was lost before. */
  readonly agreeWithinMs: number;
  /** From whole again until all views agree, however it was before. */
  readonly convergeWithinMs: number;
  /** What the clients of a node are told is behind what the node knows by no more. */
  readonly tellWithinMs: number;
}

/** What follows from a plan for a cluster of `nodes`. */
export function presenceBounds(plan: PresencePlan, nodes: number): PresenceBounds {
  const { tracker } = settingsOf(plan, () => undefined);
  const { deliverWithinMs } = defaultBounds;
  const tickMs = tracker.broadcastPeriodMs + 1;
  const samplesMs = tracker.clockSamplePeriods * tickMs;
  // Whoever is asked for something missing may be the very one that is in trouble.
  const askMs = (nodes - 1) * (tracker.transferTimeoutMs + samplesMs);
  const agreeWithinMs =
    tracker.flushMs + 2 * tickMs + samplesMs + tracker.repairMs + askMs + 2 * deliverWithinMs;
  const silenceMs = tracker.maxSilentPeriods * tickMs;
  const { windowMs = 0 } = "windowMs" in plan.mode ? plan.mode : {};
  return {
    downWithinMs: tracker.downPeriodMs + tickMs,
    lostWithinMs: tracker.lostPeriodMs + tickMs,
    permdownWithinMs: tracker.permdownPeriodMs + tickMs,
    agreeWithinMs,
    // A wall clock that was set back makes a node wait until its earlier life is down, and then for its next sign.
    convergeWithinMs: tracker.downPeriodMs + tracker.lostPeriodMs + silenceMs + 2 * tickMs + agreeWithinMs,
    tellWithinMs: (plan.mode.graceMs ?? 0) + windowMs + (plan.fetchMs ?? 0) + 10,
  };
}

/** The plan as the author of an application would write it. */
export function settingsOf(
  plan: PresencePlan,
  fetch: (topic: string, presences: object) => unknown,
): PresenceSettings {
  const { topics: _topics, keys: _keys, deedEveryMs: _deed, mode, fetchMs, ...tracker } = plan;
  return resolveSettings({
    ...tracker,
    metaBytesMax: 512,
    keyBytesMax: 64,
    // A process that stands still for long does not miss what was fetched meanwhile.
    fetchTimeoutMs: 60_000,
    topics: { "hall:*": mode },
    ...(fetchMs === undefined ? {} : { fetch }),
  });
}

/** How fast connections may be sent away. */
export interface PaceLimits {
  /** Connections a second to begin with, and throughout when nobody says how they bear it. */
  readonly first: number;
  readonly max: number;
}

/** Share of its time that the busiest other node works: above, the pace is halved. */
const busy = 0.85;
/** Below, the pace is doubled. */
const calm = 0.65;

/**
 * The pace for the next round, from how the others bore the last one: it feels its way up as long as the busiest of
 * them has time left, and falls back at once when one has not, as TCP does with a network.
 */
export function nextPace(pace: number, busiest: number | undefined, { first, max }: PaceLimits): number {
  if (busiest === undefined) return pace;
  if (busiest > busy) return Math.max(first / 8, pace / 2);
  return busiest < calm ? Math.min(max, pace * 2) : pace;
}

/** The share of its weight that a server begins with; 0 would be a drain. */
const floor = 0.01;

/**
 * The weight of a server that began to take connections `sinceMs` ago. By least connections a new, empty server would
 * be given every new connection until it holds as many as the others; so its weight grows from next to nothing over
 * `rampMs`, and with it the count up to which it is filled.
 */
export function rampedWeight(weight: number, sinceMs: number, rampMs: number): number {
  if (sinceMs >= rampMs) return weight;
  return weight * Math.max(floor, sinceMs / rampMs);
}

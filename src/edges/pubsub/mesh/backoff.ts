/**
 * Milliseconds before the next attempt: full jitter, so that a hundred nodes that lost the same peer at the same
 * moment do not come back at the same moment.
 */
export function backoffMs(attempt: number, baseMs: number, maxMs: number, fraction: number): number {
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30));
  return Math.ceil(ceiling * fraction);
}

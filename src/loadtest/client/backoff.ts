/** When phoenix.js tries to connect again: after the first failures these, then always the last. No jitter. */
const reconnectMs = [10, 50, 100, 150, 200, 250, 500, 1_000, 2_000];
const reconnectMsLast = 5_000;
/** When phoenix.js tries to join again. */
const rejoinMs = [1_000, 2_000, 5_000];
const rejoinMsLast = 10_000;

/** Milliseconds before the next try to connect, after so many tries in vain. */
export function reconnectAfterMs(tries: number): number {
  return reconnectMs[tries] ?? reconnectMsLast;
}

/** Milliseconds before the next try to join, after so many tries in vain. */
export function rejoinAfterMs(tries: number): number {
  return rejoinMs[tries] ?? rejoinMsLast;
}

/** How long to wait before a node is started again. */
export interface BackoffLimits {
  readonly firstMs: number;
  readonly maxMs: number;
  /** One that lived this long is a fresh case. */
  readonly stableMs: number;
}

/** Waits that double with each quick death, and begin anew after a long life. */
export function createBackoff({ firstMs, maxMs, stableMs }: BackoffLimits): (livedMs: number) => number {
  let nextMs = firstMs;
  return (livedMs) => {
    if (livedMs >= stableMs) nextMs = firstMs;
    const delayMs = nextMs;
    nextMs = Math.min(nextMs * 2, maxMs);
    return delayMs;
  };
}

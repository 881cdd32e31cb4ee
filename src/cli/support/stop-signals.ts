/** The wishes of whoever wants this program to end. */
export interface StopSignals {
  /** Resolves with the first signal: end in good order. */
  readonly first: Promise<NodeJS.Signals>;
  /** Resolves with a further one: hurry. */
  readonly second: Promise<void>;
}

/**
 * One wish may come as several signals: the terminal gives Ctrl-C to each program of the group, and npm passes it on
 * to its child once more. Signals this close to a wish are part of it.
 */
const sameWishMs = 300;

/** Listens for SIGINT, SIGTERM and SIGHUP from now on, and calls `onWish` for each wish. */
export function onStopSignals(onWish: (signal: NodeJS.Signals) => void): void {
  let lastMs = Number.NEGATIVE_INFINITY;
  const onSignal = (signal: NodeJS.Signals) => {
    const nowMs = performance.now();
    if (nowMs - lastMs <= sameWishMs) return;
    lastMs = nowMs;
    onWish(signal);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
}

/** Listens for SIGINT, SIGTERM and SIGHUP from now on. */
export function stopSignals(): StopSignals {
  let onFirst = (_signal: NodeJS.Signals) => {};
  let onSecond = () => {};
  const first = new Promise<NodeJS.Signals>((resolve) => {
    onFirst = resolve;
  });
  const second = new Promise<void>((resolve) => {
    onSecond = resolve;
  });
  let wishes = 0;
  onStopSignals((signal) => {
    wishes += 1;
    if (wishes === 1) onFirst(signal);
    else onSecond();
  });
  return { first, second };
}

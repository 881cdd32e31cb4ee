/** The wishes of whoever wants this program to end. */
export interface StopSignals {
  /** Resolves with the first signal: end in good order. */
  readonly first: Promise<NodeJS.Signals>;
  /** Resolves with a further one: hurry. */
  readonly second: Promise<void>;
}

/**
 * One wish may come as several signals: the terminal gives Ctrl-C to each program of the group, and npm passes it on
 * to its child once more. Signals this close to the first are the same wish.
 */
const sameWishMs = 300;

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
  let firstMs: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    firstMs ??= performance.now();
    onFirst(signal);
    if (performance.now() - firstMs > sameWishMs) onSecond();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
  return { first, second };
}

import type { Clock } from "../../contracts/clock.js";

/** Waits for `work`, but no longer than `limitMs`. Resolves with whether it settled in time; passes a rejection on. */
export function within(clock: Clock, limitMs: number, work: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(limitMs, () => resolve(false));
    work.then(
      () => {
        cancel();
        resolve(true);
      },
      (error: unknown) => {
        cancel();
        reject(error);
      },
    );
  });
}

/** Waits. The returned function ends the wait at once. */
export function pause(clock: Clock, delayMs: number): { readonly over: Promise<void>; end(): void } {
  let end = () => {};
  const over = new Promise<void>((resolve) => {
    const cancel = clock.after(delayMs, resolve);
    end = () => {
      cancel();
      resolve();
    };
  });
  return { over, end };
}

import type { Clock } from "../contracts/clock.js";

/** What `promise` gives within `delayMs`; undefined when it does not. */
export function within<T>(clock: Clock, delayMs: number, promise: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(delayMs, () => resolve(undefined));
    promise.then(resolve, reject).finally(cancel);
  });
}

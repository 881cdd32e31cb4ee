import { setTimeout as pause } from "node:timers/promises";

const pollMs = 5;

/**
 * Waits until `condition` gives something truthy and returns that. A condition that throws or rejects counts as
 * not yet; its last error is the cause of the failure. Fails after `timeoutMs`, saying what was awaited.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  what: string,
  timeoutMs = 10_000,
): Promise<Exclude<T, undefined | null | false | 0 | "">> {
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const value = await condition();
      // A truthy value is none of the excluded ones; the compiler cannot narrow a type parameter.
      if (value) return value as Exclude<T, undefined | null | false | 0 | "">;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`waited ${timeoutMs} ms in vain: ${what}`, { cause: lastError });
    }
    await pause(pollMs);
  }
}

/**
 * Time, injected, so that the simulator can drive it.
 *
 * An implementation MUST run timers in order of their due time, MUST NOT run a timer before it is due or after
 * it was cancelled, and MUST NOT run a callback inside the call that set the timer.
 */
export interface Clock {
  /** Wall clock, milliseconds since 1970. May jump in either direction. */
  now(): number;
  /** Milliseconds since some fixed moment. MUST NOT go backwards. */
  monotonic(): number;
  /** Runs `callback` once after `delayMs`. Returns a function that cancels it; cancelling twice is fine. */
  after(delayMs: number, callback: () => void): Cancel;
  /** Runs `callback` every `periodMs` until cancelled. */
  every(periodMs: number, callback: () => void): Cancel;
}

/** Cancels what it was returned for. */
export type Cancel = () => void;

import type { Cancel, Clock } from "../../contracts/clock.js";

/** Node's timers hold 31 bits; a longer delay would fire at once, so it is taken in steps. */
const stepMsMax = 2_147_483_647;

function after(delayMs: number, callback: () => void): Cancel {
  const dueMs = performance.now() + delayMs;
  let timer: NodeJS.Timeout;
  const arm = (remainingMs: number) => {
    timer = setTimeout(fire, Math.min(Math.max(remainingMs, 0), stepMsMax));
  };
  const fire = () => {
    const remainingMs = dueMs - performance.now();
    // Node rounds down and may fire up to a millisecond early; the contract forbids it.
    if (remainingMs > 0) arm(Math.ceil(remainingMs));
    else callback();
  };
  arm(Math.ceil(delayMs));
  return () => clearTimeout(timer);
}

function every(periodMs: number, callback: () => void): Cancel {
  const timer = setInterval(callback, Math.min(periodMs, stepMsMax));
  return () => clearInterval(timer);
}

/** The machine's own time. Its timers keep the process alive until they are cancelled. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after,
  every,
};

import { nowUs } from "./clock.js";

/** Sockets that one wait of the event loop can find ready: libuv asks for no more at a time. */
const readyMax = 1_024;

let foundUs = 0;
let left = 0;
const forget = () => {
  left = 0;
};

/**
 * When the wait that found the socket ready had ended, for the socket that is read now. What came to many sockets at
 * once is read one after the other; the later ones shall not seem to have come later.
 */
export function readyUs(): number {
  if (left > 0) {
    left -= 1;
    return foundUs;
  }
  foundUs = nowUs();
  left = readyMax - 1;
  // Runs when all sockets of this wait have been read.
  setImmediate(forget);
  return foundUs;
}

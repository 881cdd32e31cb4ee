import type { Device } from "../protocol.js";

const isTouched = matchMedia("(pointer: coarse)").matches;
// Whichever way it is held; a tablet is not narrow.
const isNarrow = Math.min(screen.width, screen.height) < 600;

/** What this page is shown on. */
export const thisDevice: Device = isTouched && isNarrow ? "phone" : "desktop";

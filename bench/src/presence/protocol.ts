import type { PresenceMode } from "simurgh";

/** The room that everybody comes into. */
export const ROOM = "room:bench";

/** A room of one node alone, with very many. */
export const CROWDED = "crowd:bench";

/** Keys that clients are shown by name in the mode `first`. */
const SHOWN = 100;

/** What is measured beside each other; the first is Phoenix's way. */
export const MODES = {
  every: { mode: "every" },
  coalesced: { mode: "coalesced" },
  first: { mode: "first", first: SHOWN },
  counts: { mode: "counts" },
} as const satisfies Record<string, PresenceMode>;

/** Name of a mode. */
export type Mode = keyof typeof MODES;

/** What everybody carries: 67 bytes as JSON. */
export const META = { device: "phone", status: "here", since: 1_700_000_000, at: "/inbox" };

/** Milliseconds of a clock that all processes of a machine share. */
export function sharedMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Resolves when `condition` holds, with the time at which it was seen to. */
export async function seen(condition: () => boolean, what: string, withinMs = 120_000): Promise<number> {
  const deadlineMs = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return sharedMs();
}

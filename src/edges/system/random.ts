import { randomBytes } from "node:crypto";
import type { Random } from "../../contracts/random.js";

/** The machine's own chance; its bytes are fit for secrets. */
export const systemRandom: Random = {
  fraction: () => Math.random(),
  // A copy: Node may cut small Buffers out of a pool that is shared with other secrets.
  bytes: (length) => new Uint8Array(randomBytes(length)),
};

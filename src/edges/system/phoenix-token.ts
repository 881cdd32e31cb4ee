import {
  createPhoenixToken,
  type PhoenixToken,
  type PhoenixTokenOptions,
} from "../../auth/phoenix-token/phoenix-token.js";
import { systemClock } from "./clock.js";
import { systemRandom } from "./random.js";

/** Settings of {@link phoenixToken}: those of the tokens themselves, with the machine's clock and chance by default. */
export type SystemPhoenixTokenOptions = Omit<PhoenixTokenOptions, "clock" | "random"> &
  Partial<Pick<PhoenixTokenOptions, "clock" | "random">>;

/** Tokens of Phoenix, both ways, on the machine's own time. Create one for each salt, not one for each token. */
export function phoenixToken(options: SystemPhoenixTokenOptions): PhoenixToken {
  return createPhoenixToken({ clock: systemClock, random: systemRandom, ...options });
}

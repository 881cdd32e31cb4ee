import { createJwtVerifier } from "../../auth/jwt/jwt-verifier.js";
import type { JwtOptions, JwtSurroundings } from "../../auth/jwt/options.js";
import type { TokenVerifier } from "../../contracts/token.js";
import { systemClock } from "./clock.js";
import { downloadJson } from "./jwks-download.js";
import { lineLogger } from "./logger.js";

/** Settings of {@link jwt}: those of the tokens themselves, with the machine's clock and network by default. */
export type SystemJwtOptions = JwtOptions & Partial<JwtSurroundings>;

/**
 * Verifies JSON Web Tokens, for the `auth` of a socket. Create one and keep it: it keeps the keys. Throws
 * `token_config_invalid` for options that cannot work, or that would let everybody in.
 */
export function jwt(options: SystemJwtOptions): TokenVerifier {
  const { clock = systemClock, logger = lineLogger(), download = downloadJson, ...rules } = options;
  return createJwtVerifier(rules, { clock, logger, download });
}

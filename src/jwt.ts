/** JSON Web Tokens, for the `auth` of a socket. Needs the package `jose`. */

export type { JwtAlgorithm } from "./auth/jwt/algorithms.js";
export type { JwksSettings, JwtOptions, JwtSurroundings, PublicKey } from "./auth/jwt/options.js";
export { jwt, type SystemJwtOptions } from "./edges/system/jwt.js";

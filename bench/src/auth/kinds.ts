/** What a server may ask of who connects, in the order of the table. */
export const KINDS = ["no token", "Phoenix token", "JWT, HS256", "JWT, ES256", "JWT, ES256 by JWKS"] as const;

/** One of them. */
export type Kind = (typeof KINDS)[number];

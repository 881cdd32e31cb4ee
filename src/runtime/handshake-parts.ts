import { type OriginRule, originAllowed, parseOrigin } from "../core/socket/origin.js";
import { decodeQuery, type Params } from "../core/socket/query.js";
import type { Handshake } from "./connect-request.js";

/** One header as text: the first when it was sent several times. */
export function header(handshake: Handshake, name: string): string | undefined {
  const value = handshake.headers[name];
  return typeof value === "object" ? value[0] : value;
}

function requestOrigin(handshake: Handshake): ReturnType<typeof parseOrigin> {
  return parseOrigin(`${handshake.secure ? "https" : "http"}://${header(handshake, "host") ?? ""}`);
}

/** Whether the mount's origin rule lets this handshake pass. */
export function originPasses(rule: OriginRule, handshake: Handshake): boolean {
  return originAllowed(header(handshake, "origin"), rule, requestOrigin(handshake));
}

/**
 * Whether cookies may count without a CSRF token: the origin's host is the request's own. Browsers send no origin
 * with a GET within one site, nor with an image or a script of another; there the fetch metadata tell.
 */
export function isSameOrigin(handshake: Handshake): boolean {
  if (header(handshake, "origin") === undefined) {
    const site = header(handshake, "sec-fetch-site");
    return site === undefined || site === "same-origin" || site === "none";
  }
  return originPasses({ kind: "host", host: undefined }, handshake);
}

/** Parameters of the query. */
export function queryParams({ target }: Handshake): Params {
  const question = target.indexOf("?");
  return decodeQuery(question < 0 ? "" : target.slice(question + 1), decodeURIComponent);
}

/** Values of a cookie, in the order that the browser sent them; the same name may come several times. */
export function cookieValues(handshake: Handshake, name: string): string[] {
  return (header(handshake, "cookie") ?? "").split(";").flatMap((pair) => {
    const equals = pair.indexOf("=");
    if (equals < 0 || pair.slice(0, equals).trim() !== name) return [];
    const value = pair.slice(equals + 1).trim();
    return [value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value];
  });
}

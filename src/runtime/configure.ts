import { type OriginRule, parseOrigin } from "../core/socket/origin.js";
import type { CheckOrigin, MountOptions } from "./endpoint-options.js";
import { SimurghError } from "./errors.js";
import type { SocketRoutes } from "./socket-definition.js";

/** Compiles a check_origin setting. `host` is the endpoint's configured public host. */
export function compileOrigin(setting: CheckOrigin, host: string | undefined): OriginRule {
  if (setting === false) return { kind: "any" };
  if (setting === true) return { kind: "host", host };
  if (setting === "same") return { kind: "same" };
  if (typeof setting === "function") return { kind: "custom", check: setting };
  return { kind: "list", entries: setting.map(compileEntry) };
}

function compileEntry(entry: string): ReturnType<typeof parseOrigin> {
  const parts = parseOrigin(entry);
  if (parts.host === undefined) {
    throw invalid(
      `checkOrigin entry ${JSON.stringify(entry)}: expected "//host", "//host:port" or "scheme://host"`,
    );
  }
  return parts;
}

/** A mount with its socket, whether it was given plain or with settings. */
export function toMountOptions(mount: SocketRoutes | MountOptions): MountOptions {
  return "socket" in mount ? mount : { socket: mount };
}

/** The error of an option that cannot work. */
export function invalid(message: string): SimurghError {
  return new SimurghError("endpoint_config_invalid", message);
}

/** Throws unless the value is a whole number of at least `min`. */
export function requireWhole(name: string, value: number, min: number): number {
  if (!Number.isSafeInteger(value) || value < min)
    throw invalid(`${name} must be a whole number >= ${min}, not ${value}`);
  return value;
}

/** Throws unless the value is a whole number of at least 1, or `Infinity`, which is no limit. */
export function requireLimit(name: string, value: number): number {
  return value === Number.POSITIVE_INFINITY ? value : requireWhole(name, value, 1);
}

/** Throws unless the value can be a node's name: it goes into a header of every answer. */
export function requireNodeName(name: string): string {
  if (!/^[\x21-\x7e]{1,255}$/.test(name)) {
    throw invalid(`name must be 1 to 255 visible ASCII characters, not ${JSON.stringify(name)}`);
  }
  return name;
}

/** A path pattern such as `/socket/:room/websocket`, compiled: gives the values of its variables, or undefined. */
export type PathMatcher = (path: string) => Readonly<Record<string, string>> | undefined;

/** Compiles a mount path. Throws `endpoint_config_invalid` when it does not begin with a slash. */
export function compilePath(pattern: string): PathMatcher {
  if (!pattern.startsWith("/")) throw invalid(`path ${JSON.stringify(pattern)} must begin with "/"`);
  const wanted = pattern.split("/");
  if (!wanted.some((segment) => segment.startsWith(":")))
    return (path) => (path === pattern ? {} : undefined);
  return (path) => {
    const segments = path.split("/");
    if (segments.length !== wanted.length) return undefined;
    const values: Record<string, string> = {};
    for (const [i, want] of wanted.entries()) {
      const segment = segments[i] ?? "";
      if (!want.startsWith(":")) {
        if (segment !== want) return undefined;
      } else {
        if (segment === "") return undefined;
        values[want.slice(1)] = decodeSegment(segment);
      }
    }
    return values;
  };
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment; // A broken escape is the client's business; the author sees it as it came.
  }
}

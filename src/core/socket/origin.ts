/** The parts of an origin that the rules compare. */
export interface OriginParts {
  readonly scheme: string | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
}

/** A check_origin setting, compiled. */
export type OriginRule =
  /** Every origin passes. */
  | { readonly kind: "any" }
  /** The origin's host must be this; undefined: the host that the request itself names. */
  | { readonly kind: "host"; readonly host: string | undefined }
  /** The origin must match one of these. */
  | { readonly kind: "list"; readonly entries: readonly OriginParts[] }
  /** Scheme, host and port must be those of the request. */
  | { readonly kind: "same" }
  /** The application decides. */
  | { readonly kind: "custom"; readonly check: (origin: OriginParts & { readonly text: string }) => boolean };

const ORIGIN = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?\/\/(\[[^\]/]*\]|[^:/?#]*)(?::(\d{1,5}))?(?:[/?#]|$)/;
const DEFAULT_PORTS: ReadonlyMap<string, number> = new Map([
  ["http", 80],
  ["ws", 80],
  ["https", 443],
  ["wss", 443],
]);

/** Splits `scheme://host:port`; `//host` and `//host:port` too. A scheme implies its default port. */
export function parseOrigin(text: string): OriginParts {
  const match = ORIGIN.exec(text);
  if (match === null) return { scheme: undefined, host: undefined, port: undefined };
  const [, scheme, host, port] = match;
  return {
    scheme,
    host: host === "" ? undefined : host,
    port: port === undefined ? (scheme === undefined ? undefined : DEFAULT_PORTS.get(scheme)) : Number(port),
  };
}

/**
 * Whether a request with this `origin` header may connect. No header passes: the check protects browsers' users,
 * and other clients can write any header anyway. Comparison is case sensitive.
 */
export function originAllowed(origin: string | undefined, rule: OriginRule, request: OriginParts): boolean {
  if (origin === undefined || rule.kind === "any") return true;
  const parts = parseOrigin(origin);
  if (rule.kind === "custom") return rule.check({ ...parts, text: origin });
  if (parts.host === undefined) return false;
  switch (rule.kind) {
    case "host":
      return parts.host === (rule.host ?? request.host);
    case "list":
      return rule.entries.some((entry) => matches(parts, entry));
    case "same":
      return parts.scheme === request.scheme && parts.host === request.host && parts.port === request.port;
    default:
      return rule satisfies never;
  }
}

function matches(origin: OriginParts, entry: OriginParts): boolean {
  return (
    (entry.scheme === undefined || entry.scheme === origin.scheme) &&
    (entry.port === undefined || entry.port === origin.port) &&
    (entry.host === undefined || hostMatches(origin.host ?? "", entry.host))
  );
}

function hostMatches(host: string, pattern: string): boolean {
  if (!pattern.startsWith("*.")) return host === pattern;
  return host === pattern.slice(2) || host.endsWith(pattern.slice(1));
}

import { invalidOption } from "../broker-options.js";

const defaultPort = 4222;

/** One server, as it is written in options and in `NATS_URL`. */
export interface NatsServer {
  readonly host: string;
  readonly port: number;
  /** For the client, without credentials, which it does not take from there. */
  readonly text: string;
  readonly user: string | undefined;
  readonly pass: string | undefined;
  readonly token: string | undefined;
  /** The address asks for TLS. */
  readonly tls: boolean;
}

/**
 * Reads `host`, `host:port` or `nats://[user:pass@]host:port`; `tls://` asks for TLS, and what stands alone before the
 * @ is a token. Throws `engine_config_invalid` for anything else.
 */
export function parseServer(text: string): NatsServer {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== "nats" && scheme !== "tls") {
    throw invalidOption(`a server's address begins with nats:// or tls://, not ${scheme}://`);
  }
  const rest = scheme === undefined ? text : text.slice(scheme.length + 3);
  let url: URL;
  try {
    url = new URL(`nats://${rest.trim()}`);
  } catch {
    // The address may hold a password: it is not repeated.
    throw invalidOption("a server's address is none; it must be like nats://host:4222");
  }
  if (url.hostname === "") throw invalidOption("a server's address has no host");
  const port = url.port === "" ? defaultPort : Number(url.port);
  const [user, pass] = [url.username, url.password].map(decodeURIComponent);
  const isToken = pass === "";
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port,
    text: `${url.hostname}:${port}`,
    user: isToken || user === "" ? undefined : user,
    pass: isToken ? undefined : pass,
    token: isToken && user !== "" ? user : undefined,
    tls: scheme === "tls",
  };
}

/** The credentials and the wish for TLS that the addresses bring along; those of the first that has any. */
export function demandsOf(servers: readonly NatsServer[]) {
  const known = servers.find(({ user, token }) => user !== undefined || token !== undefined);
  return {
    ...(known?.token === undefined ? {} : { token: known.token }),
    ...(known?.user === undefined ? {} : { user: known.user, pass: known.pass ?? "" }),
    ...(servers.some(({ tls }) => tls) ? { tls: {} } : {}),
  };
}

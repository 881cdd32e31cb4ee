import type { BalancerServer } from "../../../contracts/balancer.js";
import type { Address } from "../../../contracts/network.js";

/** A server and the name that it has in HAProxy. */
export interface ConfigServer {
  readonly key: string;
  readonly server: BalancerServer;
}

/** What a config says; all of it is decided by the caller. */
export interface ConfigSettings {
  readonly door: readonly Address[];
  readonly servers: readonly ConfigServer[];
  /** Path of the socket that takes commands at run time. */
  readonly socketPath: string;
  readonly connectionsMax: number;
  readonly serverConnectionsMax: number;
  readonly tunnelTimeoutMs: number;
}

/** The two pools. A WebSocket lives for hours and a request for milliseconds, so each is balanced by itself. */
export const pools = ["web", "websocket"] as const;

/**
 * The name of a server in HAProxy, which allows letters, digits and `_ . : -` only. The number tells apart what these
 * make equal, and a server from an earlier one of its name that is not quite gone yet.
 */
export function serverKey(name: string, number: number): string {
  return `${number}_${name.replace(/[^\w.:-]/g, "_")}`;
}

/**
 * How a server is checked and bounded. A server that is added at run time knows no defaults, so each has it all. Each
 * pool checks by itself: HAProxy cannot have a server follow the check of one that came at run time, nor delete one
 * that is followed. The first refused connection asks for a check at once. A dead server's clients are cut, to come
 * back elsewhere.
 */
export function serverWords({ weight }: BalancerServer, connectionsMax: number): string {
  const check = "check inter 1s fastinter 200ms downinter 500ms rise 1 fall 3";
  const observe = "observe layer4 error-limit 1 on-error fastinter";
  return `weight ${weight} maxconn ${connectionsMax} ${check} ${observe} on-marked-down shutdown-sessions`;
}

/** An address as HAProxy writes it. */
export function hostPort({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** An address to listen at: all addresses by IPv6 are those by IPv4, too. */
export function bindWords(address: Address): string {
  return `${hostPort(address)}${address.host === "::" ? " v4v6" : ""}`;
}

/** Writes the config of a fleet. Each line that is not plain says why it is there. */
export function haproxyConfig(settings: ConfigSettings): string {
  const { door, servers, socketPath, connectionsMax, serverConnectionsMax, tunnelTimeoutMs } = settings;
  const serverLines = servers.map(
    ({ key, server }) =>
      `    server ${key} ${hostPort(server.address)} ${serverWords(server, serverConnectionsMax)}\n`,
  );
  return `# Written by simurgh; it is written anew with every change of the fleet.
global
    maxconn ${connectionsMax}
    # Without this a second HAProxy could share the door's port, and no one would notice.
    noreuseport
    stats socket ${quote(socketPath)} mode 600 level admin

defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout queue 5s
    timeout check 1s
    # A client that sends its request byte by byte holds no server for longer than this.
    timeout http-request 10s
    timeout http-keep-alive 30s
    # WebSockets: above two heartbeats of a client, which come every 30 s.
    timeout tunnel ${tunnelTimeoutMs}ms
    # A connection that only one side has closed.
    timeout client-fin 5s
    timeout server-fin 5s
    option forwardfor
    balance leastconn
    # /ready: 200 takes new connections; another status (starting, draining) takes none and keeps what is there, which
    # is what HAProxy calls a conditional pass; silence is a failed check.
    option httpchk GET /ready
    http-check expect error-status L7OKC status 200
    # A server that is gone is not seen by a client: the connection, or a GET that got no answer, goes to another.
    retries 3
    option redispatch 1
    retry-on conn-failure empty-response
    http-error status 503 content-type text/plain string "no node is ready\\n" hdr retry-after 1 hdr cache-control no-store

frontend door
${door.map((address) => `    bind ${bindWords(address)}`).join("\n")}
    # Only what is safe to repeat is sent again.
    http-request disable-l7-retry unless METH_GET
    use_backend websocket if { req.hdr(Upgrade) -i websocket }
    default_backend web

backend web
${serverLines.join("")}
backend websocket
${serverLines.join("")}`;
}

/** Quotes a word of the config. */
export function quote(word: string): string {
  return `"${word.replace(/["\\$]/g, "\\$&")}"`;
}

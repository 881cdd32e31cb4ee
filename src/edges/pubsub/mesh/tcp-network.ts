import net from "node:net";
import tls from "node:tls";
import type { Address, Link, LinkHandler, Listener, Network } from "../../../contracts/network.js";
import { formatAddress } from "./peer-address.js";

/** Certificates of the links between the nodes. Both ends of a link need one when `mutual` is on. */
export interface MeshTls {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** Who must have signed the peers' certificates. */
  readonly ca: string | Buffer | readonly (string | Buffer)[];
  /** Whether a node that dials must show a certificate, too. Default: true. */
  readonly mutual?: boolean;
  /** The name that the certificate of a dialled node must bear. Default: the host that was dialled. */
  readonly serverName?: string;
}

/** Settings of {@link tcpNetwork}. */
export interface TcpNetworkOptions {
  readonly tls?: MeshTls | undefined;
  /** How long an arrived connection may take for its TLS handshake. */
  readonly tlsTimeoutMs?: number;
  /** An arrived connection came to nothing before it was a link: its TLS handshake failed, it could not be accepted. */
  readonly onFault?: (remoteHost: string, reason: string) => void;
}

/** Bytes that a socket takes before it asks to wait. Small writes of a fast turn should not stop at Node's 16 KiB. */
const highWaterMarkBytes = 262_144;

const reasons: Readonly<Record<string, string>> = {
  ECONNRESET: "reset",
  EPIPE: "reset",
  ECONNREFUSED: "refused",
  ETIMEDOUT: "timeout",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  ENOTFOUND: "name not found",
};

function reasonOf(error: NodeJS.ErrnoException): string {
  return reasons[error.code ?? ""] ?? error.code ?? error.message;
}

function remoteOf(socket: net.Socket): string {
  return formatAddress({ host: socket.remoteAddress ?? "unknown", port: socket.remotePort ?? 0 });
}

class TcpLink implements Link {
  readonly remote: string;
  readonly #socket: net.Socket;

  constructor(socket: net.Socket, remote: string) {
    this.#socket = socket;
    this.remote = remote;
  }

  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Uint8Array): boolean {
    return this.#socket.writable ? this.#socket.write(bytes) : true;
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** Wires a connected socket to whoever takes the link. */
function attach(socket: net.Socket, remote: string, onLink: (link: Link) => LinkHandler): void {
  socket.setNoDelay(true);
  let reason = "end";
  const handler = onLink(new TcpLink(socket, remote));
  socket.on("data", (bytes: Buffer) => handler.onData(bytes));
  socket.on("drain", () => handler.onDrain());
  socket.on("error", (error) => {
    reason = reasonOf(error);
  });
  socket.on("close", () => handler.onClose(reason));
}

/** Arrived connections that are still busy with TLS: a listener that closes does not wait for them. */
function trackPending(server: net.Server): Map<string, net.Socket> {
  const pending = new Map<string, net.Socket>();
  server.on("connection", (socket: net.Socket) => {
    const key = remoteOf(socket);
    pending.set(key, socket);
    socket.once("close", () => pending.delete(key));
  });
  server.on("secureConnection", (socket: net.Socket) => pending.delete(remoteOf(socket)));
  return pending;
}

function createServer(options: TcpNetworkOptions, onSocket: (socket: net.Socket) => void): net.Server {
  const { tls: secure } = options;
  if (secure === undefined) {
    return net.createServer({ highWaterMark: highWaterMarkBytes }, onSocket);
  }
  const server = tls.createServer(
    {
      cert: secure.cert,
      key: secure.key,
      // The field is declared as a mutable array; it is not written to.
      ca: secure.ca as string | Buffer | (string | Buffer)[],
      requestCert: secure.mutual !== false,
      rejectUnauthorized: secure.mutual !== false,
      minVersion: "TLSv1.3",
      handshakeTimeout: options.tlsTimeoutMs ?? 5_000,
    },
    onSocket,
  );
  server.on("tlsClientError", (error, socket) => {
    options.onFault?.(socket.remoteAddress ?? "unknown", reasonOf(error));
    socket.destroy();
  });
  return server;
}

function listen(
  options: TcpNetworkOptions,
  address: Address,
  onLink: (link: Link) => LinkHandler,
): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const server = createServer(options, (socket) => attach(socket, remoteOf(socket), onLink));
    const pending = options.tls === undefined ? undefined : trackPending(server);
    server.once("error", reject);
    server.listen(address.port, address.host, () => {
      server.off("error", reject);
      // Errors after the start concern single connections that could not be accepted; the listener lives on.
      server.on("error", (error) => options.onFault?.("listener", reasonOf(error)));
      const bound = server.address();
      const port = typeof bound === "object" && bound !== null ? bound.port : address.port;
      resolve({
        address: { host: address.host, port },
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            for (const socket of pending?.values() ?? []) socket.destroy();
          }),
      });
    });
  });
}

function connectSocket(options: TcpNetworkOptions, address: Address): net.Socket {
  const { tls: secure } = options;
  const target = { host: address.host, port: address.port };
  if (secure === undefined) {
    // Node hands stream options on to the socket; the type of `connect` does not name them.
    return net.connect({ ...target, highWaterMark: highWaterMarkBytes } as net.NetConnectOpts);
  }
  const name = secure.serverName ?? address.host;
  return tls.connect({
    ...target,
    cert: secure.cert,
    key: secure.key,
    ca: secure.ca as string | Buffer | (string | Buffer)[], // declared mutable, not written to
    minVersion: "TLSv1.3",
    ...(net.isIP(name) === 0 ? { servername: name } : {}),
    checkServerIdentity: (_host, certificate) => tls.checkServerIdentity(name, certificate),
  });
}

function dial(
  options: TcpNetworkOptions,
  address: Address,
  timeoutMs: number,
  onLink: (link: Link) => LinkHandler,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket(options, address);
    const fail = (reason: string) => {
      clearTimeout(timer);
      socket.destroy();
      reject(new Error(reason));
    };
    const timer = setTimeout(() => fail("timeout"), timeoutMs);
    const onError = (error: Error) => fail(reasonOf(error));
    socket.on("error", onError);
    socket.once(options.tls === undefined ? "connect" : "secureConnect", () => {
      clearTimeout(timer);
      socket.off("error", onError);
      attach(socket, formatAddress(address), onLink);
      resolve();
    });
  });
}

/** Reaches nodes over TCP, or TLS when certificates are given. */
export function tcpNetwork(options: TcpNetworkOptions = {}): Network {
  return {
    listen: (address, onLink) => listen(options, address, onLink),
    dial: (address, timeoutMs, onLink) => dial(options, address, timeoutMs, onLink),
  };
}

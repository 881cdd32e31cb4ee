import { connect, type Socket } from "node:net";
import type { Held, Member, Pool } from "./pool.js";
import { refuse } from "./refuse.js";
import { createReplay, type Replay } from "./replay.js";

/** Bounds of one relayed connection. */
export interface RelayLimits {
  /** How long a client may take to send its first byte. */
  readonly firstByteTimeoutMs: number;
  /** How long a server may take to accept. */
  readonly connectTimeoutMs: number;
  /** How long a connection of which one side has ended may stay without a byte. */
  readonly halfCloseTimeoutMs: number;
  /** Bytes of a request that are kept to be sent again. */
  readonly replayBytesMax: number;
}

/**
 * One client, joined to one server: bytes go both ways as they come, each side held back while the other is full.
 * The server is chosen with the client's first byte, so that a connection opened in advance costs none. Until the
 * server has answered the first byte, its loss can be hidden by going to another one.
 */
export function relay(client: Socket, pool: Pool, limits: RelayLimits): void {
  const tried = new Set<Member>();
  const replay = createReplay(limits.replayBytesMax);
  let backend: Socket | undefined;
  let clientGone = false;

  const open = () => {
    client.pause();
    const member = pool.pick(tried);
    if (member !== undefined) {
      tried.add(member);
      backend = openBackend({ client, member, pool, limits, replay, lost });
    } else if (replay.begun()) client.destroy();
    else {
      client.off("data", onData).off("end", onEnd);
      refuse(client);
    }
  };
  const lost = (answered: boolean) => {
    backend = undefined;
    if (clientGone) return;
    if (answered || !replay.possible()) finish(client, limits);
    else open();
  };
  const onData = (chunk: Buffer) => {
    replay.add(chunk);
    if (backend === undefined) {
      client.setTimeout(0);
      open();
    } else if (!backend.write(chunk)) client.pause();
  };
  const onEnd = () => {
    if (backend === undefined) return void client.end();
    backend.end();
    limitHalfClosed(limits, client, backend);
  };

  client.setTimeout(limits.firstByteTimeoutMs, () => client.destroy());
  client.on("data", onData);
  client.on("end", onEnd);
  client.on("drain", () => backend?.resume());
  // The fault of a client's connection is its own; "close" follows.
  client.on("error", () => {});
  client.on("close", (hadError) => {
    clientGone = true;
    if (backend === undefined) return;
    if (hadError || backend.connecting || !client.readableEnded) backend.destroy();
    else finish(backend, limits);
  });
}

interface Joint {
  readonly client: Socket;
  readonly member: Member;
  readonly pool: Pool;
  readonly limits: RelayLimits;
  readonly replay: Replay;
  /** The server's side is closed; `answered` tells whether a byte of it came. */
  readonly lost: (answered: boolean) => void;
}

function openBackend(joint: Joint): Socket {
  const { client, member, pool, limits, replay } = joint;
  const { host, port } = member.server.address;
  const backend = connect({ host, port, allowHalfOpen: true, noDelay: true });
  const held: Held = { cut: () => backend.destroy() };
  const timer = setTimeout(() => backend.destroy(), limits.connectTimeoutMs);
  let phase: "connecting" | "silent" | "answered" = "connecting";
  let refused = false;
  member.held.add(held);

  backend.on("connect", () => {
    clearTimeout(timer);
    if (isSelfConnected(backend)) {
      refused = true;
      backend.destroy();
      return;
    }
    phase = "silent";
    for (const chunk of replay.begin()) backend.write(chunk);
    if (client.readableEnded) backend.end();
    client.resume();
  });
  backend.on("data", (chunk: Buffer) => {
    phase = "answered";
    replay.forget();
    if (!client.write(chunk)) backend.pause();
  });
  backend.on("drain", () => client.resume());
  backend.on("end", () => {
    if (phase === "silent" && replay.possible()) return void backend.destroy();
    client.end();
    limitHalfClosed(limits, client, backend);
  });
  backend.on("error", (error: NodeJS.ErrnoException) => {
    refused = error.code === "ECONNREFUSED";
  });
  backend.on("close", () => {
    clearTimeout(timer);
    member.held.delete(held);
    if (phase === "connecting" && !client.destroyed) pool.note(member, refused ? "refused" : "failed");
    joint.lost(phase === "answered");
  });
  return backend;
}

/** Sends what is queued, then closes; a side that does not take it is cut. */
function finish(socket: Socket, limits: RelayLimits): void {
  socket.setTimeout(limits.halfCloseTimeoutMs, () => socket.destroy());
  socket.destroySoon();
}

function limitHalfClosed(limits: RelayLimits, ...sockets: (Socket | undefined)[]): void {
  for (const socket of sockets) socket?.setTimeout(limits.halfCloseTimeoutMs, () => socket.destroy());
}

/**
 * Whether the system joined the socket to itself: dialling a port of this machine on which nobody listens may, by
 * chance, begin from that very port.
 */
function isSelfConnected(socket: Socket): boolean {
  return socket.localPort === socket.remotePort && socket.localAddress === socket.remoteAddress;
}

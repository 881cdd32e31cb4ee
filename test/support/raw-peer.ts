import net from "node:net";
import { onTestFinished } from "vitest";
import { FrameReader } from "../../src/edges/pubsub/mesh/frame-reader.js";
import { Handshake } from "../../src/edges/pubsub/mesh/handshake.js";
import type { Hello } from "../../src/edges/pubsub/mesh/hello.js";
import { encodeFrame, kinds } from "../../src/edges/pubsub/mesh/wire.js";
import { systemParts, testSecret } from "./pubsub-engines.js";
import { until } from "./wait.js";

/** A frame as it came. */
export interface RawFrame {
  readonly kind: number;
  readonly body: Buffer;
}

/** One end of a TCP connection to a node, in the hands of a test: it says what no node would say. */
export class RawPeer {
  readonly frames: RawFrame[] = [];
  closed = false;
  readonly socket: net.Socket;
  readonly #reader = new FrameReader(0x7fff_ffff, (buffer, start, end) => {
    this.frames.push({ kind: buffer[start] ?? 0, body: Buffer.from(buffer.subarray(start + 1, end)) });
    return true;
  });

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => void this.#reader.push(bytes));
    socket.on("error", () => {});
    socket.on("close", () => {
      this.closed = true;
    });
    onTestFinished(() => void socket.destroy());
  }

  send(...pieces: (Uint8Array | string)[]): void {
    for (const piece of pieces) this.socket.write(piece);
  }

  async next(kind: number): Promise<Buffer> {
    const found = await until(
      () => this.frames.find((frame) => frame.kind === kind) ?? this.closed,
      `frame ${kind}`,
    );
    if (found === true) throw new Error(`closed before frame ${kind}`);
    this.frames.splice(this.frames.indexOf(found), 1);
    return found.body;
  }

  async untilClosed(): Promise<void> {
    await until(() => this.closed, "the node closes the connection");
  }
}

/** Dials a node. */
export async function dialRaw(address: string): Promise<RawPeer> {
  const [host, port] = address.split(":");
  const socket = net.connect({ host, port: Number(port) });
  const peer = new RawPeer(socket);
  await until(() => socket.readyState === "open" || peer.closed, "the connection");
  return peer;
}

/** Waits for nodes that dial. */
export async function listenRaw(): Promise<{ readonly address: string; readonly peers: RawPeer[] }> {
  const peers: RawPeer[] = [];
  const server = net.createServer((socket) => void peers.push(new RawPeer(socket)));
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as net.AddressInfo;
  return { address: `127.0.0.1:${port}`, peers };
}

/** A hello with fresh nonce and incarnation. */
export function rawHello(name: string, changes: Partial<Hello> = {}): Hello {
  return {
    versionMin: 1,
    versionMax: 1,
    nonce: Buffer.from(systemParts.random.bytes(32)),
    incarnation: Buffer.from(systemParts.random.bytes(16)),
    frameBytesMax: 1_048_576,
    name,
    ...changes,
  };
}

/** Dials a node and proves the secret as a node called `name` would; the verdict is still to come. */
export async function dialProven(address: string, name: string, secret = testSecret): Promise<RawPeer> {
  const peer = await dialRaw(address);
  const handshake = new Handshake({
    role: "dialer",
    self: rawHello(name),
    secrets: [secret],
    expectedNames: [],
  });
  peer.send(handshake.open() ?? "");
  for (const kind of [kinds.hello, kinds.proof]) {
    const step = handshake.receive(kind, await peer.next(kind));
    if (step.send !== undefined) peer.send(step.send);
  }
  return peer;
}

/** Dials a node as a follower of it would, and becomes its link. `name` must be greater than the node's. */
export async function dialLinked(address: string, name: string): Promise<RawPeer> {
  const peer = await dialProven(address, name);
  peer.send(encodeFrame(kinds.ready, [0]));
  await peer.next(kinds.admit);
  return peer;
}

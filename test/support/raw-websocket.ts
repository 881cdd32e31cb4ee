import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { until } from "./wait.js";

/** A valid handshake, to be spoilt. */
export function handshakeText(target: string, headers: Readonly<Record<string, string>> = {}): string {
  const all = {
    host: "127.0.0.1",
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${target} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/** What a frame's header may say other than the truth. */
export interface FrameOptions {
  /** Default 1, text. */
  readonly opcode?: number;
  /** Default true. */
  readonly fin?: boolean;
  /** The three reserved bits. Default 0. */
  readonly reserved?: number;
  /** Default true. */
  readonly masked?: boolean;
  /** Default: that of the payload. */
  readonly length?: number;
}

/** A frame as a client sends it. */
export function frame(payload: string | Uint8Array, options: FrameOptions = {}): Buffer {
  const body = Buffer.from(payload);
  const { opcode = 1, fin = true, reserved = 0, masked = true, length = body.length } = options;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = (fin ? 128 : 0) | (reserved << 4) | opcode;
  const size = head.length === 2 ? length : head.length === 4 ? 126 : 127;
  head[1] = (masked ? 128 : 0) | size;
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  if (!masked) return Buffer.concat([head, body]);
  const mask = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);
  const masking = body.map((byte, i) => byte ^ (mask[i % 4] ?? 0));
  return Buffer.concat([head, mask, masking]);
}

/** One frame from the server. */
export interface ServerFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** A bare connection that speaks WebSocket as badly as a test wants. */
export class RawWebSocket {
  readonly socket: Socket;
  readonly frames: ServerFrame[] = [];
  #bytes = Buffer.alloc(0);
  #open = false;

  constructor(port: number) {
    this.socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    this.socket.on("error", () => {});
    this.socket.on("data", (chunk) => this.#read(chunk));
  }

  /** Connects and shakes hands. Rejects when the server answers anything but 101. */
  static async open(
    port: number,
    target = "/socket/websocket?vsn=2.0.0",
    headers: Readonly<Record<string, string>> = {},
  ): Promise<RawWebSocket> {
    const raw = new RawWebSocket(port);
    raw.send(handshakeText(target, headers));
    await until(() => raw.#open || raw.closed, "the answer to the handshake");
    if (!raw.#open) throw new Error(`no WebSocket: ${raw.#bytes.toString("latin1")}`);
    return raw;
  }

  /** All that the server has answered before a WebSocket came of it. */
  get answer(): string {
    return this.#bytes.toString("latin1");
  }

  get closed(): boolean {
    return this.socket.destroyed || this.socket.readableEnded;
  }

  /** The code of the server's close frame; undefined while none has come. */
  get closeCode(): number | undefined {
    const close = this.frames.find(({ opcode }) => opcode === 8);
    if (close === undefined) return undefined;
    return close.payload.length < 2 ? 1005 : close.payload.readUInt16BE(0);
  }

  /** Text messages of the server, parsed. */
  get messages(): unknown[] {
    return this.frames
      .filter(({ opcode }) => opcode === 1)
      .map(({ payload }) => JSON.parse(payload.toString()));
  }

  send(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Sends a V2 message. */
  message(...elements: unknown[]): void {
    this.send(frame(JSON.stringify(elements)));
  }

  /** Waits until the server has ended the connection, and gives its close code. */
  async ended(): Promise<number | undefined> {
    await until(() => this.closeCode !== undefined || this.closed, "the end of the connection", 20_000);
    this.destroy();
    return this.closeCode;
  }

  /** Whether the server still answers: a heartbeat is replied to. */
  async alive(): Promise<boolean> {
    const ref = `alive-${this.frames.length}`;
    this.message(null, ref, "phoenix", "heartbeat", {});
    const answered = () => this.messages.some((message) => (message as unknown[])[1] === ref);
    await until(() => answered() || this.closeCode !== undefined || this.closed, "an answer");
    return answered();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Cuts the connection with a reset. */
  async reset(): Promise<void> {
    if (this.socket.connecting) await once(this.socket, "connect");
    this.socket.resetAndDestroy();
  }

  #read(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    if (!this.#open) {
      const end = this.#bytes.indexOf("\r\n\r\n");
      if (end < 0 || !this.#bytes.toString("latin1").startsWith("HTTP/1.1 101")) return;
      this.#open = true;
      this.#bytes = this.#bytes.subarray(end + 4);
    }
    while (this.#takeFrame());
  }

  #takeFrame(): boolean {
    const bytes = this.#bytes;
    const [first = 0, second = 0] = bytes;
    const head = second === 126 ? 4 : second === 127 ? 10 : 2;
    if (bytes.length < head) return false;
    const length =
      head === 4 ? bytes.readUInt16BE(2) : head === 10 ? Number(bytes.readBigUInt64BE(2)) : second;
    if (bytes.length < head + length) return false;
    this.frames.push({ opcode: first & 15, payload: bytes.subarray(head, head + length) });
    this.#bytes = bytes.subarray(head + length);
    return true;
  }
}

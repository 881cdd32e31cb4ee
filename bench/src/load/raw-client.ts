import { createHash, randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";

/** Turns text into one masked text frame, as clients must send. */
export function maskedFrame(text: string): Buffer {
  const payload = Buffer.from(text, "utf8");
  if (payload.length > 65_535) throw new RangeError("a bench message fits into 65535 bytes");
  const header = payload.length < 126 ? 2 : 4;
  const frame = Buffer.alloc(header + 4 + payload.length);
  frame[0] = 0x81;
  if (header === 2) frame[1] = 0x80 | payload.length;
  else {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(payload.length, 2);
  }
  // An all-zero mask is legal and leaves the payload as it is.
  payload.copy(frame, header + 4);
  return frame;
}

/**
 * A WebSocket client that does as little as it can: it counts frames and bytes and looks at a frame only while
 * somebody waits for one, so that the load leaves the other core to the server.
 */
export class RawClient {
  frames = 0;
  bytes = 0;
  readonly #socket: Socket;
  #rest: Buffer = Buffer.alloc(0);
  #waiting: { needle: string; resolve: () => void } | undefined = undefined;
  #upgraded = false;
  #skip = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Connects and upgrades; rejects when the server refuses. */
  static open(port: number, path: string, source?: string): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({
        host: "127.0.0.1",
        port,
        ...(source === undefined ? {} : { localAddress: source }),
      });
      socket.setNoDelay(true);
      const client = new RawClient(socket);
      socket.once("error", reject);
      socket.once("connect", () => {
        const key = randomBytes(16).toString("base64");
        socket.write(
          `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\nconnection: upgrade\r\n` +
            `sec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\n\r\n`,
        );
        client.#expectUpgrade(acceptOf(key), () => resolve(client), reject);
      });
    });
  }

  #expectUpgrade(accept: string, done: () => void, fail: (error: Error) => void): void {
    let head = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      this.#socket.off("data", onData);
      const text = head.toString("latin1", 0, end);
      if (!text.startsWith("HTTP/1.1 101") || !text.includes(accept))
        return fail(new Error(`no upgrade: ${text}`));
      this.#upgraded = true;
      this.#socket.on("data", (bytes: Buffer) => this.#onData(bytes));
      if (head.length > end + 4) this.#onData(head.subarray(end + 4));
      done();
    };
    this.#socket.on("data", onData);
  }

  send(frame: Buffer): void {
    this.#socket.write(frame);
  }

  /** Resolves at the next frame whose text contains `needle`. */
  awaitFrame(needle: string): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting = { needle, resolve };
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  get open(): boolean {
    return this.#upgraded && !this.#socket.destroyed;
  }

  #onData(chunk: Buffer): void {
    this.bytes += chunk.length;
    let data = chunk;
    if (this.#rest.length > 0) {
      data = Buffer.concat([this.#rest, chunk]);
      this.#rest = Buffer.alloc(0);
    }
    let offset = Math.min(this.#skip, data.length);
    this.#skip -= offset;
    while (offset < data.length) {
      const header = headerOf(data, offset);
      const short =
        header === undefined || (this.#waiting !== undefined && offset + header.total > data.length);
      if (short) {
        this.#rest = data.subarray(offset);
        return;
      }
      this.frames++;
      this.#look(data, offset + header.length, offset + header.total);
      offset += header.total;
      if (offset > data.length) this.#skip = offset - data.length;
    }
  }

  #look(data: Buffer, start: number, end: number): void {
    const waiting = this.#waiting;
    if (waiting === undefined || !data.toString("utf8", start, end).includes(waiting.needle)) return;
    this.#waiting = undefined;
    waiting.resolve();
  }
}

function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

function headerOf(data: Buffer, offset: number): { length: number; total: number } | undefined {
  const second = data[offset + 1];
  if (second === undefined) return undefined;
  const code = second & 0x7f;
  if (code < 126) return { length: 2, total: 2 + code };
  if (code === 126)
    return offset + 4 > data.length ? undefined : { length: 4, total: 4 + data.readUInt16BE(offset + 2) };
  return offset + 10 > data.length
    ? undefined
    : { length: 10, total: 10 + Number(data.readBigUInt64BE(offset + 2)) };
}

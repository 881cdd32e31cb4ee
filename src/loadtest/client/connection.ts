import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { readyUs } from "../wire/arrival-clock.js";
import { encodeClientFrame, opcode, ServerFrames } from "../wire/client-frames.js";
import { nowUs } from "../wire/clock.js";
import { type Handshake, handshakeRequest, readHandshake } from "../wire/handshake.js";

/** Who a connection belongs to. */
export interface ConnectionOwner {
  onOpen(): void;
  /** A text from the server, which has waited so long to be read. Its bytes are only valid during the call. */
  onText(text: Buffer, waitedUs: number): void;
  onBinary(data: Buffer): void;
  /** Bytes have come, of whatever kind. */
  onBytes(count: number): void;
  /** It is over, once. `code` is that of the server's close frame, 1006 without one. */
  onEnd(reason: string, code: number): void;
}

/** A way to a server that carries texts. */
export interface Connection {
  /** Sends a text. */
  send(text: string): number;
  /** Ends it by the tool's will; the owner is not told. */
  drop(): void;
  /** Stops or goes on reading. */
  hold(held: boolean): void;
}

/** Bytes read at a time. One buffer serves all connections of a process, as they are read one after the other. */
const readBytes = 65_536;
const shared = Buffer.allocUnsafeSlow(readBytes);

/** A frame of at most so many bytes came in one packet: when its first byte was there, so was its last. */
const packetBytes = 1_200;
/** When the bytes that are read now were ready; only good for the first frame, as others may have come since. */
let firstReadyUs: number | undefined;

/** A WebSocket with as little as possible around its socket, so that one process holds many. */
export class WireConnection implements Connection {
  readonly #owner: ConnectionOwner;
  readonly #handshake: Handshake;
  readonly #socket: Socket;
  #frames: ServerFrames | undefined;
  #head: Buffer | undefined;
  #over = false;

  constructor(handshake: Handshake, source: string | undefined, owner: ConnectionOwner) {
    this.#owner = owner;
    this.#handshake = handshake;
    this.#socket = handshake.url.protocol === "wss:" ? this.#secure(source) : this.#plain(source);
    this.#socket.setNoDelay(true);
    this.#socket.on("error", (error: NodeJS.ErrnoException) => this.#end(error.code ?? error.message, 1006));
    this.#socket.on("close", () => this.#end("closed without a close frame", 1006));
    this.#socket.on("end", () => this.#end("closed without a close frame", 1006));
  }

  #plain(source: string | undefined): Socket {
    const { url } = this.#handshake;
    const onread = { buffer: shared, callback: (count: number) => this.#onRead(count) };
    const host = bare(url.hostname);
    const socket = connectTcp({ host, port: Number(url.port || 80), onread, ...local(source) });
    socket.once("connect", () => socket.write(handshakeRequest(this.#handshake)));
    return socket;
  }

  #secure(source: string | undefined): Socket {
    const { url } = this.#handshake;
    const host = bare(url.hostname);
    const name = isIP(host) === 0 ? { servername: host } : {};
    const socket = connectTls({ host, port: Number(url.port || 443), ...name, ...local(source) });
    socket.once("secureConnect", () => socket.write(handshakeRequest(this.#handshake)));
    socket.on("data", (bytes: Buffer) => {
      firstReadyUs = undefined;
      this.#onBytes(bytes);
    });
    return socket;
  }

  send(text: string): number {
    const frame = encodeClientFrame(opcode.text, text);
    if (!this.#over) this.#socket.write(frame);
    return frame.length;
  }

  drop(): void {
    if (this.#over) return;
    this.#over = true;
    this.#socket.destroy();
  }

  hold(held: boolean): void {
    if (held) this.#socket.pause();
    else this.#socket.resume();
  }

  #end(reason: string, code: number): void {
    if (this.#over) return;
    this.#over = true;
    this.#socket.destroy();
    this.#owner.onEnd(reason, code);
  }

  #onRead(count: number): boolean {
    firstReadyUs = readyUs();
    return this.#onBytes(shared.subarray(0, count));
  }

  #onBytes(bytes: Buffer): boolean {
    if (this.#over) return true;
    this.#owner.onBytes(bytes.length);
    if (this.#frames !== undefined) return this.#feed(this.#frames, bytes);
    const head = this.#head === undefined ? bytes : Buffer.concat([this.#head, bytes]);
    const answer = readHandshake(head);
    if (typeof answer === "string") {
      this.#end(answer, 1006);
    } else if (answer === undefined) {
      this.#head = Buffer.from(head);
    } else {
      this.#head = undefined;
      const frames = new ServerFrames();
      this.#frames = frames;
      this.#owner.onOpen();
      if (answer.end < head.length) this.#feed(frames, head.subarray(answer.end));
    }
    return true;
  }

  #feed(frames: ServerFrames, bytes: Buffer): boolean {
    const fault = frames.feed(bytes, this);
    if (fault !== undefined) this.#end(`nonsense: ${fault}`, 1006);
    return true;
  }

  /** Takes one frame. */
  onFrame(code: number, payload: Buffer): void {
    if (this.#over) return;
    const waitedUs = firstReadyUs === undefined || payload.length > packetBytes ? 0 : nowUs() - firstReadyUs;
    firstReadyUs = undefined;
    if (code === opcode.text) this.#owner.onText(payload, waitedUs);
    else if (code === opcode.binary) this.#owner.onBinary(payload);
    else if (code === opcode.ping) this.#socket.write(encodeClientFrame(opcode.pong, payload));
    else if (code === opcode.close) this.#onClose(payload);
  }

  #onClose(payload: Buffer): void {
    const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
    this.#socket.write(encodeClientFrame(opcode.close, payload));
    this.#end(`closed with ${code}`, code);
  }
}

function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}

function local(source: string | undefined): { localAddress?: string } {
  return source === undefined ? {} : { localAddress: source };
}

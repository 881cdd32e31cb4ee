import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type Server, type ServerOptions, WebSocket, WebSocketServer } from "ws";
import type { Frame } from "../../contracts/frame.js";
import type { Sink, SinkHandler } from "../../contracts/transport.js";
import { WireJoiner, wireOf } from "./wire-frames.js";

/** Settings of a WebSocket transport. */
export interface WsTransportOptions {
  /** Bytes of one message from a client; above, the connection is closed with 1009. */
  readonly frameBytesMax: number;
  /** Whether to offer permessage-deflate. Costs tens of KB a connection, and CPU for each of its frames. */
  readonly compress: boolean;
  /** Sent with every handshake answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** Answers a request that is no proper handshake; `fault` says why. */
  readonly refused: (request: IncomingMessage, socket: Duplex, fault: string) => void;
  /** Told of a message that is larger, or comes in more fragments, than it may. */
  readonly exceeded: (limit: "bytes" | "fragments") => void;
}

/** A connection that answers no close frame is cut after this. */
const CLOSE_TIMEOUT_MS = 5_000;

/** A connection that knows its session, so that listeners can be shared by all. */
class SessionSocket extends WebSocket {
  handler: SinkHandler | undefined = undefined;

  /**
   * `ws` calls this, too: for the client's close frame, and for a frame that breaks the protocol. Nothing may
   * follow our close frame, and the client may take its time to go, so the session ends now.
   */
  override close(code?: number, reason?: string | Buffer): void {
    super.close(code, reason);
    this.end(code ?? NO_STATUS, String(reason ?? ""));
  }

  /** Tells the session, once, that the connection is over. */
  end(code: number, reason: string): void {
    const { handler } = this;
    this.handler = undefined;
    handler?.onClose(code, reason);
  }
}

/** What RFC 6455 calls a close frame without a code. */
const NO_STATUS = 1005;

/** `closeTimeout` is newer than the package's types. */
type WsOptions = ServerOptions<typeof SessionSocket> & { readonly closeTimeout: number };

/** Faults of `ws` that mean that a limit was exceeded. */
const EXCEEDED: ReadonlyMap<string, "bytes" | "fragments"> = new Map([
  ["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", "bytes"],
  ["WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH", "bytes"],
  ["WS_ERR_TOO_MANY_BUFFERED_PARTS", "fragments"],
] as const);

const joiner = new WireJoiner();

/** WebSockets on Node by the `ws` package: its handshake and parser; the frames are written by us. */
export class WsTransport {
  readonly #server: Server<typeof SessionSocket>;
  /** Shared by all connections, as those below. */
  readonly #onError: (this: WebSocket, fault: Error & { readonly code?: string }) => void;

  constructor(options: WsTransportOptions) {
    const settings: WsOptions = {
      WebSocket: SessionSocket,
      noServer: true,
      clientTracking: false,
      maxPayload: options.frameBytesMax,
      perMessageDeflate: options.compress,
      closeTimeout: CLOSE_TIMEOUT_MS,
    };
    this.#server = new WebSocketServer(settings);
    const { exceeded } = options;
    this.#onError = function (fault) {
      const limit = EXCEEDED.get(fault.code ?? "");
      if (limit !== undefined) exceeded(limit);
      onError.call(this);
    };
    const lines = Object.entries(options.headers).map(([name, value]) => `${name}: ${value}`);
    this.#server.on("headers", (headers) => headers.push(...lines));
    this.#server.on("wsClientError", (fault, socket, request) =>
      options.refused(request, socket, fault.message),
    );
  }

  /** Completes the handshake; `open` makes the session of the new connection. */
  upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    subprotocol: string | undefined,
    open: (sink: Sink) => SinkHandler,
  ): void {
    // `ws` answers the first one that it finds, and refuses names that RFC 6455 forbids, as base64 in an auth token is.
    if (subprotocol === undefined) delete request.headers["sec-websocket-protocol"];
    else request.headers["sec-websocket-protocol"] = subprotocol;
    this.#server.handleUpgrade(request, socket, head, (ws) => {
      ws.on("error", this.#onError);
      ws.handler = open(ws.extensions === "" ? new RawSink(ws, socket) : new DeflateSink(ws, socket));
      ws.on("message", onMessage);
      ws.on("close", onClose);
    });
  }
}

function handlerOf(ws: WebSocket): SinkHandler | undefined {
  return ws instanceof SessionSocket ? ws.handler : undefined;
}

// Shared by all connections, so that each costs no closures.
function onMessage(this: WebSocket, data: unknown, isBinary: boolean): void {
  // The binary type is the default, so a message is one Buffer.
  const bytes = data as Buffer;
  if (isBinary) handlerOf(this)?.onBinary(bytes);
  else handlerOf(this)?.onText(bytes.toString("utf8"));
}

function onClose(this: WebSocket, code: number, reason: Buffer): void {
  if (this instanceof SessionSocket) this.end(code, reason.toString("utf8"));
}

/** A peer's fault: `ws` has answered with the close code for it, and `close` follows. */
function onError(this: WebSocket): void {
  if (this.readyState === this.OPEN) this.terminate();
}

/** Bytes that a socket of this connection has received, where the stream counts them. */
function received(socket: Duplex): number {
  return "bytesRead" in socket && typeof socket.bytesRead === "number" ? socket.bytesRead : 0;
}

/** Writes finished frames to the socket itself: without compression `ws` would do no more, only slower. */
class RawSink implements Sink {
  readonly #ws: SessionSocket;
  readonly #socket: Duplex;

  constructor(ws: SessionSocket, socket: Duplex) {
    this.#ws = ws;
    this.#socket = socket;
  }

  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  get bytesReceived(): number {
    return received(this.#socket);
  }

  write(frame: Frame): boolean {
    return this.#writeBytes(wireOf(frame));
  }

  writeAll(frames: readonly Frame[]): boolean {
    return this.#writeBytes(joiner.join(frames));
  }

  #writeBytes(bytes: Uint8Array): boolean {
    // When the peer is gone there is nobody to write to; `close` follows. The socket is asked, not `ws`: it is
    // touched anyway, and with thousands of readers each further object is a cache miss.
    if (!this.#socket.writable || this.#socket.write(bytes)) return true;
    // `write` answers before it asks the system, which has taken all of it where the reader keeps up.
    if (this.#socket.writableLength === 0) return true;
    this.#socket.once("drain", () => this.#ws.handler?.onDrain());
    return false;
  }

  close(code: number, reason: string): void {
    this.#ws.close(code, reason);
  }

  terminate(): void {
    this.#ws.terminate();
  }

  pause(): void {
    this.#ws.pause();
  }

  resume(): void {
    this.#ws.resume();
  }
}

/** Frames above this wait for the compressor before more is handed over. */
const DEFLATE_HIGH_WATER_BYTES = 64 * 1024;

/** For connections that negotiated permessage-deflate: the frames must go through its compressor. */
class DeflateSink extends RawSink {
  readonly #ws: SessionSocket;

  constructor(ws: SessionSocket, socket: Duplex) {
    super(ws, socket);
    this.#ws = ws;
  }

  override get queuedBytes(): number {
    return this.#ws.bufferedAmount;
  }

  override write(frame: Frame): boolean {
    return this.writeAll([frame]);
  }

  override writeAll(frames: readonly Frame[]): boolean {
    const ws = this.#ws;
    if (ws.readyState !== ws.OPEN) return true;
    let full = false;
    frames.forEach((frame, i) => {
      const last = i === frames.length - 1;
      const options = { binary: frame.binary !== undefined };
      ws.send(frame.binary ?? frame.text ?? "", options, () => {
        if (last && full) ws.handler?.onDrain();
      });
    });
    full = ws.bufferedAmount > DEFLATE_HIGH_WATER_BYTES;
    return !full;
  }
}

/** Opcodes of WebSocket frames. */
export const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Bytes of one message at most; a server that announces more speaks nonsense. */
const messageBytesMax = 67_108_864;
const maskBytes = 4;
const fin = 0x80;
const masked = 0x80;

/**
 * A client's frame. Its mask is all zero, which is a mask as any other to the server, while the payload can be written
 * as it is.
 */
export function encodeClientFrame(code: number, payload: string | Buffer): Buffer {
  const length = typeof payload === "string" ? Buffer.byteLength(payload) : payload.length;
  const lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const start = 2 + lengthBytes + maskBytes;
  const frame = Buffer.allocUnsafe(start + length);
  frame[0] = fin | code;
  frame[1] = masked | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) frame.writeUInt16BE(length, 2);
  if (lengthBytes === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  frame.fill(0, start - maskBytes, start);
  if (typeof payload === "string") frame.write(payload, start);
  else payload.copy(frame, start);
  return frame;
}

/** Who is told of the frames. The bytes are only valid during the call. */
export interface FrameSink {
  onFrame(code: number, payload: Buffer): void;
}

const none = Buffer.alloc(0);

/** Takes the bytes of a server apart. Keeps nothing but what is incomplete, so an idle connection holds no buffer. */
export class ServerFrames {
  #rest: Buffer = none;
  #parts: Buffer[] | undefined;
  #partsCode = 0;
  #partsBytes = 0;

  /** Feeds bytes, which may be overwritten afterwards. The text says what is wrong with them, if anything is. */
  feed(bytes: Buffer, sink: FrameSink): string | undefined {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let at = 0;
    for (;;) {
      const header = headerAt(all, at);
      if (typeof header === "string") return header;
      if (header === undefined || header.end > all.length) break;
      const fault = this.#frame(header, all.subarray(header.start, header.end), sink);
      if (fault !== undefined) return fault;
      at = header.end;
    }
    this.#rest = at === all.length ? none : Buffer.from(all.subarray(at));
    return undefined;
  }

  #frame({ code, last }: Header, payload: Buffer, sink: FrameSink): string | undefined {
    if (code >= opcode.close || (last && code !== opcode.continuation && this.#parts === undefined)) {
      sink.onFrame(code, payload);
      return undefined;
    }
    if ((code === opcode.continuation) === (this.#parts === undefined)) return "frames of two messages mixed";
    if (code !== opcode.continuation) [this.#parts, this.#partsCode, this.#partsBytes] = [[], code, 0];
    this.#parts?.push(Buffer.from(payload));
    this.#partsBytes += payload.length;
    if (this.#partsBytes > messageBytesMax) return "a message too large";
    if (!last) return undefined;
    const message = Buffer.concat(this.#parts ?? []);
    this.#parts = undefined;
    sink.onFrame(this.#partsCode, message);
    return undefined;
  }
}

interface Header {
  readonly code: number;
  readonly last: boolean;
  readonly start: number;
  readonly end: number;
}

function headerAt(bytes: Buffer, at: number): Header | string | undefined {
  if (bytes.length - at < 2) return undefined;
  const first = bytes[at] ?? 0;
  const second = bytes[at + 1] ?? 0;
  const code = first & 0x0f;
  if ((first & 0x70) !== 0) return "reserved bits in a frame";
  if ((second & masked) !== 0) return "a masked frame from the server";
  if (code > opcode.binary && code < opcode.close) return "an unknown opcode";
  if (code > opcode.pong) return "an unknown opcode";
  const short = second & 0x7f;
  const start = at + 2 + (short < 126 ? 0 : short === 126 ? 2 : 8);
  if (bytes.length < start) return undefined;
  const length =
    short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
  if (length > messageBytesMax) return "a frame too large";
  return { code, last: (first & fin) !== 0, start, end: start + length };
}

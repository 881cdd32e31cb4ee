import { preamble } from "./wire.js";

/** Why a stream cannot be read on. */
export type ReadFault = "not a mesh peer" | "frame too large" | "empty frame";

/** Takes one frame: `buffer[start]` is its kind, the body ends before `end`. False stops the reading. */
export type OnFrame = (buffer: Buffer, start: number, end: number) => boolean;

function asBuffer(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Cuts a byte stream into frames. A frame that lies whole in one piece is handed on where it lies; only one that
 * straddles two pieces is copied.
 */
export class FrameReader {
  /** Largest frame accepted, length prefix excluded. Raised once the peer has proven itself. */
  frameBytesMax: number;
  readonly #onFrame: OnFrame;
  #preambleSeen = 0;
  /** The beginning of a frame that is not complete: four bytes until its length is known, then all of it. */
  #carry: Buffer | undefined;
  #carryUsed = 0;

  constructor(frameBytesMax: number, onFrame: OnFrame) {
    this.frameBytesMax = frameBytesMax;
    this.#onFrame = onFrame;
  }

  /** Reads the next piece of the stream. A fault is final. */
  push(bytes: Uint8Array): ReadFault | undefined {
    const piece = asBuffer(bytes);
    let offset = 0;
    while (this.#preambleSeen < preamble.length) {
      if (offset === piece.length) return undefined;
      if (piece[offset] !== preamble[this.#preambleSeen]) return "not a mesh peer";
      offset += 1;
      this.#preambleSeen += 1;
    }
    if (this.#carry !== undefined) {
      const after = this.#fillCarry(piece, offset);
      if (typeof after === "string") return after;
      if (after < 0) return undefined;
      offset = after;
    }
    return this.#readWhole(piece, offset);
  }

  #readWhole(piece: Buffer, from: number): ReadFault | undefined {
    let offset = from;
    while (piece.length - offset >= 4) {
      const length = piece.readUInt32BE(offset);
      const fault = this.#judge(length);
      if (fault !== undefined) return fault;
      const end = offset + 4 + length;
      if (end > piece.length) {
        this.#keep(piece, offset, 4 + length);
        return undefined;
      }
      if (!this.#onFrame(piece, offset + 4, end)) return undefined;
      offset = end;
    }
    if (offset < piece.length) this.#keep(piece, offset, 4);
    return undefined;
  }

  #judge(length: number): ReadFault | undefined {
    if (length > this.frameBytesMax) return "frame too large";
    return length === 0 ? "empty frame" : undefined;
  }

  #keep(piece: Buffer, offset: number, size: number): void {
    this.#carry = Buffer.allocUnsafe(size);
    this.#carryUsed = piece.copy(this.#carry, 0, offset);
  }

  /** Where to read on in the piece; -1 when all of it went into the carry, or the reading was stopped. */
  #fillCarry(piece: Buffer, from: number): number | ReadFault {
    let offset = from;
    for (;;) {
      const carry = this.#carry;
      if (carry === undefined) return offset;
      const taken = piece.copy(carry, this.#carryUsed, offset, offset + carry.length - this.#carryUsed);
      offset += taken;
      this.#carryUsed += taken;
      if (this.#carryUsed < carry.length) return -1;
      if (carry.length === 4) {
        const length = carry.readUInt32BE(0);
        const fault = this.#judge(length);
        if (fault !== undefined) return fault;
        this.#carry = Buffer.allocUnsafe(4 + length);
        carry.copy(this.#carry, 0);
        continue;
      }
      this.#carry = undefined;
      this.#carryUsed = 0;
      if (!this.#onFrame(carry, 4, carry.length)) return -1;
    }
  }
}

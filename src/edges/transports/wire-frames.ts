import type { Frame } from "../../contracts/frame.js";

const FIN_TEXT = 0x81;
const FIN_BINARY = 0x82;

/** The frame as RFC 6455 puts it on the wire, unmasked as servers send. Made once and kept with the frame. */
export function wireOf(frame: Frame): Uint8Array {
  frame.wire ??= encodeWire(frame);
  return frame.wire;
}

function encodeWire(frame: Frame): Buffer {
  const length = frame.byteLength;
  const headerLength = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const wire = Buffer.allocUnsafe(headerLength + length);
  wire[0] = frame.binary === undefined ? FIN_TEXT : FIN_BINARY;
  if (headerLength === 2) {
    wire[1] = length;
  } else if (headerLength === 4) {
    wire[1] = 126;
    wire.writeUInt16BE(length, 2);
  } else {
    wire[1] = 127;
    wire.writeBigUInt64BE(BigInt(length), 2);
  }
  if (frame.binary === undefined) wire.write(frame.text ?? "", headerLength, "utf8");
  else wire.set(frame.binary, headerLength);
  return wire;
}

/**
 * Joins the frames of one turn into one Buffer. The subscribers of a room get the same frames in the same turn, so
 * the last result is kept: two thousand readers of a burst share one joined copy.
 */
export class WireJoiner {
  #frames: readonly Frame[] = [];
  #joined: Uint8Array = new Uint8Array(0);

  /** The array must not be changed afterwards. */
  join(frames: readonly Frame[]): Uint8Array {
    if (!sameFrames(frames, this.#frames)) {
      this.#joined = Buffer.concat(frames.map(wireOf));
      this.#frames = frames;
    }
    return this.#joined;
  }
}

function sameFrames(a: readonly Frame[], b: readonly Frame[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return false;
  }
  return true;
}

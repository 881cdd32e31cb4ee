import { encodeFrame, headerBytes, kinds, nameBytesMax, preamble } from "./wire.js";

/** Length of the challenge that each side sets the other. */
export const nonceBytes = 32;

/** Length of what tells two lives of one name apart. */
export const incarnationBytes = 16;

/** How a node introduces itself. Unproven until the handshake is done. */
export interface Hello {
  readonly versionMin: number;
  readonly versionMax: number;
  readonly nonce: Buffer;
  readonly incarnation: Buffer;
  /** Largest frame that the sender of this hello accepts. */
  readonly frameBytesMax: number;
  readonly name: string;
}

const fixedBytes = 2 + nonceBytes + incarnationBytes + 4 + 1;

/** The body of a hello frame; it goes into the proofs byte for byte. */
export function encodeHello(hello: Hello): Buffer {
  const name = Buffer.from(hello.name, "utf8");
  const body = Buffer.allocUnsafe(fixedBytes + name.length);
  body[0] = hello.versionMin;
  body[1] = hello.versionMax;
  body.set(hello.nonce, 2);
  body.set(hello.incarnation, 2 + nonceBytes);
  body.writeUInt32BE(hello.frameBytesMax, 2 + nonceBytes + incarnationBytes);
  body[fixedBytes - 1] = name.length;
  body.set(name, fixedBytes);
  return body;
}

/** Reads a hello body; undefined when it is malformed. A later version may append what this one does not know. */
export function decodeHello(body: Buffer): Hello | undefined {
  if (body.length < fixedBytes) return undefined;
  const nameLength = body.readUInt8(fixedBytes - 1);
  if (body.length < fixedBytes + nameLength) return undefined;
  const nameRaw = body.subarray(fixedBytes, fixedBytes + nameLength);
  const name = nameRaw.toString("utf8");
  if (!isNodeName(name) || !Buffer.from(name, "utf8").equals(nameRaw)) return undefined;
  return {
    versionMin: body.readUInt8(0),
    versionMax: body.readUInt8(1),
    // Copies: a hello outlives the piece of the stream that it came in.
    nonce: Buffer.from(body.subarray(2, 2 + nonceBytes)),
    incarnation: Buffer.from(body.subarray(2 + nonceBytes, 2 + nonceBytes + incarnationBytes)),
    frameBytesMax: body.readUInt32BE(2 + nonceBytes + incarnationBytes),
    name,
  };
}

/** The preamble and the hello frame: what each side says first. */
export function encodeOpening(helloBody: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(preamble.length + headerBytes + helloBody.length);
  frame.set(preamble, 0);
  frame.set(encodeFrame(kinds.hello, helloBody), preamble.length);
  return frame;
}

/** Whether a string can be a node's name: printable, without spaces, and it fits the wire. */
export function isNodeName(name: string): boolean {
  return /^[^\s\p{C}]+$/u.test(name) && Buffer.byteLength(name, "utf8") <= nameBytesMax;
}

/** What two ranges of versions make of each other. */
export function negotiateVersion(
  ours: { readonly min: number; readonly max: number },
  theirs: { readonly min: number; readonly max: number },
): number | undefined {
  const highest = Math.min(ours.max, theirs.max);
  return highest >= Math.max(ours.min, theirs.min) ? highest : undefined;
}

/**
 * Wire format, version 1. A stream begins with {@link preamble}; then come frames: a 32-bit big-endian length of
 * what follows, one byte of kind, the body. `docs/mesh.md` describes each body.
 */

/** First bytes in each direction. Whoever sends anything else is not a node. */
export const preamble: Buffer = Buffer.from("SIMURGH\n", "latin1");

/** Wire versions that this build speaks. Both ends use the highest that they share. */
export const wireVersions = { min: 1, max: 1 } as const;

/** Length prefix and kind. */
export const headerBytes = 5;

/** Largest frame (length prefix excluded) that is read before both sides have proven the secret. */
export const handshakeFrameBytesMax = 1_024;

/** Longest topic, in UTF-8 bytes: its length travels in 16 bits. */
export const topicBytesMax = 65_535;

/** Longest node name, in UTF-8 bytes: its length travels in 8 bits. */
export const nameBytesMax = 255;

/** The kinds of frames. Below 16: before the link is open. */
export const kinds = {
  hello: 1,
  proof: 2,
  refuse: 3,
  ready: 4,
  admit: 5,
  beat: 16,
  probe: 17,
  probeAck: 18,
  interest: 19,
  interestAck: 20,
  leave: 21,
  message: 32,
} as const;

/** Builds one whole control frame. */
export function encodeFrame(kind: number, body: Uint8Array | readonly number[] = []): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes + body.length);
  frame.writeUInt32BE(1 + body.length, 0);
  frame[4] = kind;
  frame.set(body, headerBytes);
  return frame;
}

/** A 48-bit sequence number as bytes: 32 bits could wrap within days on a busy node. */
export function encodeSequence(sequence: number): Buffer {
  const bytes = Buffer.allocUnsafe(6);
  bytes.writeUIntBE(sequence, 0, 6);
  return bytes;
}

/** Reads what {@link encodeSequence} wrote; undefined when the body is too short. */
export function decodeSequence(body: Buffer): number | undefined {
  return body.length < 6 ? undefined : body.readUIntBE(0, 6);
}

/** Everything of a message frame before the data, with the length left open: one copy per publish. */
export function encodeMessageHead(topicBytes: Uint8Array): Buffer {
  const head = Buffer.allocUnsafe(headerBytes + 2 + topicBytes.length);
  head.writeUInt32BE(0, 0);
  head[4] = kinds.message;
  head.writeUInt16BE(topicBytes.length, headerBytes);
  head.set(topicBytes, headerBytes + 2);
  return head;
}

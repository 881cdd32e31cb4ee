import { encodeFrame, kinds } from "./wire.js";

/** Bytes of entries after which a list goes on in the next frame. */
const chunkBytesMax = 65_536;

const flagFull = 1;
const flagLast = 2;
const fixedBytes = 1 + 6 + 4;

/** A change of interest, as one frame carries it. */
export interface InterestChange {
  readonly sequence: number;
  /** The first frame of the whole set: what was known before is void. */
  readonly full: boolean;
  /** The change is complete; it is to be acknowledged. */
  readonly last: boolean;
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

interface Chunk {
  readonly added: Buffer[];
  readonly removed: Buffer[];
  bytes: number;
}

function encodeChunk(chunk: Chunk, sequence: number, flags: number): Buffer {
  const body = Buffer.allocUnsafe(fixedBytes + chunk.bytes);
  body[0] = flags;
  body.writeUIntBE(sequence, 1, 6);
  body.writeUInt32BE(chunk.added.length, 7);
  let offset = fixedBytes;
  for (const topics of [chunk.added, chunk.removed]) {
    for (const topic of topics) {
      offset = body.writeUInt16BE(topic.length, offset);
      offset += topic.copy(body, offset);
    }
  }
  return encodeFrame(kinds.interest, body);
}

/** The frames of one change of interest; a whole set may take many, a batch of a turn mostly one. */
export function encodeInterest(
  sequence: number,
  full: boolean,
  added: Iterable<Buffer>,
  removed: Iterable<Buffer>,
): Buffer[] {
  const chunks: Chunk[] = [{ added: [], removed: [], bytes: 0 }];
  let current = chunks[0] as Chunk; // the element of the line above
  const put = (list: "added" | "removed", topic: Buffer) => {
    const size = 2 + topic.length;
    if (current.bytes > 0 && current.bytes + size > chunkBytesMax) {
      current = { added: [], removed: [], bytes: 0 };
      chunks.push(current);
    }
    current[list].push(topic);
    current.bytes += size;
  };
  for (const topic of added) put("added", topic);
  for (const topic of removed) put("removed", topic);
  return chunks.map((chunk, i) => {
    const flags = (full && i === 0 ? flagFull : 0) | (i === chunks.length - 1 ? flagLast : 0);
    return encodeChunk(chunk, sequence, flags);
  });
}

/** Reads the body of an interest frame; undefined when it is malformed. */
export function decodeInterest(body: Buffer): InterestChange | undefined {
  if (body.length < fixedBytes) return undefined;
  const flags = body.readUInt8(0);
  const addedCount = body.readUInt32BE(7);
  const added: string[] = [];
  const removed: string[] = [];
  let offset = fixedBytes;
  while (offset < body.length) {
    if (offset + 2 > body.length) return undefined;
    const start = offset + 2;
    const end = start + body.readUInt16BE(offset);
    if (end > body.length) return undefined;
    (added.length < addedCount ? added : removed).push(body.toString("utf8", start, end));
    offset = end;
  }
  if (added.length < addedCount) return undefined;
  return {
    sequence: body.readUIntBE(1, 6),
    full: (flags & flagFull) !== 0,
    last: (flags & flagLast) !== 0,
    added,
    removed,
  };
}

import { isIP } from "node:net";

/** Length of the mark by which a life of a node is mentioned: the first bytes of it. */
export const markBytes = 8;

/** Mentions that one packet holds at most. */
export const marksMax = 64;

/** What a node says about itself. */
export interface Message {
  /** It is about to stop. */
  readonly leaving: boolean;
  readonly port: number;
  readonly name: string;
  /** Where to dial it; empty: where the packet came from. */
  readonly host: string;
  /** Marks of the lives that it has heard, in hexadecimal: proof that the packet is younger than they are. */
  readonly marks: readonly string[];
}

const nameBytesMax = 255;
const hostBytesMax = 45;

/** flags (1), port (2), name length (1), name, host length (1), host, count of marks (1), marks. */
export function encodeMessage(message: Message): Buffer {
  const name = Buffer.from(message.name, "utf8");
  const host = Buffer.from(message.host, "latin1");
  const head = Buffer.from([message.leaving ? 1 : 0, message.port >> 8, message.port & 255]);
  const marks = message.marks.slice(0, marksMax);
  return Buffer.concat([
    head,
    Buffer.from([name.length]),
    name,
    Buffer.from([host.length]),
    host,
    Buffer.from([marks.length]),
    ...marks.map((mark) => Buffer.from(mark, "hex")),
  ]);
}

/** Reads what {@link encodeMessage} wrote; undefined when it is malformed. A later writer may append what is not read. */
export function decodeMessage(body: Buffer): Message | undefined {
  if (body.length < 6) return undefined;
  const port = body.readUInt16BE(1);
  const nameEnd = 4 + body.readUInt8(3);
  if (body.length < nameEnd + 2) return undefined;
  const nameRaw = body.subarray(4, nameEnd);
  const hostEnd = nameEnd + 1 + body.readUInt8(nameEnd);
  if (body.length < hostEnd + 1) return undefined;
  const host = body.toString("latin1", nameEnd + 1, hostEnd);
  const count = body.readUInt8(hostEnd);
  const marksAt = hostEnd + 1;
  if (count > marksMax || body.length < marksAt + count * markBytes) return undefined;
  const name = nameRaw.toString("utf8");
  if (!isName(name) || !Buffer.from(name, "utf8").equals(nameRaw)) return undefined;
  if (port === 0 || host.length > hostBytesMax || (host !== "" && isIP(host) === 0)) return undefined;
  const marks = Array.from({ length: count }, (_, i) =>
    body.toString("hex", marksAt + i * markBytes, marksAt + (i + 1) * markBytes),
  );
  return { leaving: (body.readUInt8(0) & 1) === 1, port, name, host, marks };
}

/** Whether a node's name can be gossiped: printable, without spaces, not too long. */
export function isName(name: string): boolean {
  return /^[^\s\p{C}]+$/u.test(name) && Buffer.byteLength(name, "utf8") <= nameBytesMax;
}

const isLoopback = (host: string): boolean => host.startsWith("127.") || host === "::1";

/** Whether the address that came from `from` can be dialled here: one on loopback only by its own machine. */
export function isReachable(host: string, from: string, own: string): boolean {
  return !isLoopback(host) || isLoopback(from) || from === own;
}

import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server, type Socket as TcpSocket } from "node:net";

/** Response codes of the DNS. */
const codes = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;
const types = { A: 1, AAAA: 28, SRV: 33 } as const;

/** A type of record that the server knows. */
export type RecordType = keyof typeof types;

/**
 * How the server answers to a question: with records (an address, or `port target` of a service), a code, by silence,
 * with bytes that are no answer, or with a truncated answer, so that it is asked again by TCP.
 */
export type DnsReply =
  | readonly string[]
  | keyof typeof codes
  | "silence"
  | "nonsense"
  | { readonly truncated: readonly string[] };

/** A real DNS server on loopback, UDP and TCP at one port, whose answers a test sets. */
export class DnsServer {
  readonly #udp: Socket = createSocket("udp4");
  readonly #tcp: Server = createServer((socket) => this.#onTcp(socket));
  readonly #connections = new Set<TcpSocket>();
  /** `TYPE name` of every question, in order; with `tcp` before it where it came so. */
  readonly questions: string[] = [];
  /** Answers by `TYPE name`, or by `TYPE` for all names. What is not there does not exist. */
  readonly replies = new Map<string, DnsReply>();
  /** What is answered to everything instead. */
  override: DnsReply | undefined;

  /** `127.0.0.1:port` */
  get address(): string {
    return `127.0.0.1:${this.#udp.address().port}`;
  }

  async open(): Promise<void> {
    this.#tcp.listen(0, "127.0.0.1");
    await once(this.#tcp, "listening");
    const address = this.#tcp.address();
    if (address === null || typeof address === "string") throw new Error("no TCP port");
    this.#udp.bind(address.port, "127.0.0.1");
    await once(this.#udp, "listening");
    this.#udp.on("message", (query, from) => {
      const answer = this.#answer(query, false);
      if (answer !== undefined) this.#udp.send(answer, from.port, from.address);
    });
  }

  async close(): Promise<void> {
    for (const socket of this.#connections) socket.destroy();
    await Promise.all([
      new Promise<void>((resolve) => this.#udp.close(() => resolve())),
      new Promise((resolve) => this.#tcp.close(resolve)),
    ]);
  }

  #onTcp(socket: TcpSocket): void {
    this.#connections.add(socket);
    socket.on("close", () => this.#connections.delete(socket));
    socket.on("error", () => socket.destroy());
    let heard = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      heard = Buffer.concat([heard, chunk]);
      while (heard.length >= 2 && heard.length >= 2 + heard.readUInt16BE(0)) {
        const query = heard.subarray(2, 2 + heard.readUInt16BE(0));
        heard = heard.subarray(2 + query.length);
        const answer = this.#answer(query, true);
        if (answer === undefined) continue;
        const length = Buffer.alloc(2);
        length.writeUInt16BE(answer.length);
        socket.write(Buffer.concat([length, answer]));
      }
    });
  }

  #answer(query: Buffer, isTcp: boolean): Buffer | undefined {
    const { name, type, end } = readQuestion(query);
    const key = `${type} ${name}`;
    this.questions.push(isTcp ? `tcp ${key}` : key);
    let reply = this.override ?? this.replies.get(key) ?? this.replies.get(type) ?? "NXDOMAIN";
    if (reply === "silence") return undefined;
    if (reply === "nonsense") return Buffer.concat([query.subarray(0, 2), Buffer.alloc(40, 0xc1)]);
    let isTruncated = false;
    if (typeof reply === "object" && "truncated" in reply) {
      isTruncated = !isTcp;
      reply = isTcp ? reply.truncated : [];
    }
    const records = typeof reply === "string" ? [] : reply.map((text) => encodeRecord(type, text));
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(
      0x8580 | (isTruncated ? 0x0200 : 0) | (typeof reply === "string" ? codes[reply] : codes.NOERROR),
      2,
    );
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    return Buffer.concat([header, query.subarray(12, end), ...records]);
  }
}

function readQuestion(query: Buffer): { name: string; type: RecordType; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  const code = query.readUInt16BE(at + 1);
  const type = code === types.A ? "A" : code === types.AAAA ? "AAAA" : "SRV";
  return { name: labels.join(".").toLowerCase(), type, end: at + 5 };
}

function encodeRecord(type: RecordType, text: string): Buffer {
  const data = encodeData(type, text);
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(types[type], 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function encodeData(type: RecordType, text: string): Buffer {
  if (type === "A") return Buffer.from(text.split(".").map(Number));
  if (type === "AAAA") {
    const [before = "", after = ""] = text.split("::");
    const groups = (part: string) => part.split(":").filter((group) => group !== "");
    const zeros = Array.from({ length: 8 - groups(before).length - groups(after).length }, () => "0");
    const words = [...groups(before), ...zeros, ...groups(after)].map((group) => Number.parseInt(group, 16));
    return Buffer.from(words.flatMap((word) => [word >> 8, word & 0xff]));
  }
  const [port = "", target = ""] = text.split(" ");
  const data = Buffer.alloc(6);
  data.writeUInt16BE(Number(port), 4);
  const labels = target.split(".").filter((label) => label !== "");
  const name = labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([data, ...name, Buffer.alloc(1)]);
}

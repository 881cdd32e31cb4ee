import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Hostile } from "../support/hostile.js";
import { handshakeText, frame as makeFrame, RawWebSocket } from "../support/raw-websocket.js";
import { until } from "../support/wait.js";

const SEED = Number(process.env.FUZZ_SEED ?? 20_241_124);
const FRAMES = 10_000;
/** Few, for what follows the first bad one is not read. */
const FRAMES_PER_CONNECTION = 5;
const CONNECTIONS_AT_ONCE = 8;
/** Every code that `docs/protocol.md` gives to a frame, and none: the client's own goodbye has none. */
const CODES = new Set([undefined, 1000, 1002, 1005, 1007, 1008, 1009, 1011]);

/** A seeded source of chance: mulberry32. */
class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  oneOf<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}

const REFS = [
  "1",
  "2",
  "",
  null,
  7,
  true,
  {},
  [],
  "\u0000",
  "\ud800",
  "__proto__",
  "x".repeat(300),
  -1.5e300,
];
const TOPICS = [
  "room:1",
  "room:2",
  "room:slow",
  "room:denied",
  "room:subscribe",
  "phoenix",
  "",
  "*",
  null,
  7,
  ["room:1"],
  {},
  "__proto__",
  "everybody",
];
const EVENTS = [
  "phx_join",
  "phx_join",
  "phx_leave",
  "heartbeat",
  "ping",
  "shout",
  "crash",
  "stop",
  "slow",
  "assign",
  "phx_close",
  "phx_error",
  "phx_reply",
  "constructor",
  "",
  null,
  3,
];
const PAYLOADS = [
  {},
  null,
  [],
  "text",
  0,
  true,
  { a: { b: [1, "ü", null] } },
  '{"__proto__":{"x":1}}',
  "x".repeat(2_000),
];

/** A message that is well formed, and perhaps makes sense. */
function wellFormed(chance: Chance, vsn: 1 | 2): string {
  // Half of them for the channel that is joined.
  const joinRef = chance.below(2) === 0 ? "1" : chance.oneOf(REFS);
  const topic = chance.below(2) === 0 ? "room:1" : chance.oneOf(TOPICS);
  const [ref, event, payload] = [chance.oneOf(REFS), chance.oneOf(EVENTS), chance.oneOf(PAYLOADS)];
  if (vsn === 2) return JSON.stringify([joinRef, ref, topic, event, payload]);
  return JSON.stringify({ topic, event, payload, ref, join_ref: joinRef });
}

/** A push of V2 in bytes, with lengths that are right or nearly so. */
function binary(chance: Chance): Buffer {
  const fields = [chance.oneOf(["1", "2", ""]), "3", "room:1", chance.oneOf(["ping", "shout", "phx_join"])];
  const lengths = fields.map(({ length }) => length + (chance.below(20) === 0 ? chance.below(300) : 0));
  const kind = chance.below(10) === 0 ? chance.below(256) : 0;
  return Buffer.concat([
    Buffer.from([kind, ...lengths]),
    Buffer.from(fields.join("")),
    chance.bytes(chance.below(20)),
  ]);
}

/** Bytes with some of them changed, taken away or doubled. */
function mutated(chance: Chance, bytes: Buffer): Buffer {
  let result = Buffer.from(bytes);
  for (let changes = 1 + chance.below(4); changes > 0 && result.length > 0; changes--) {
    const at = chance.below(result.length);
    const kind = chance.below(4);
    if (kind === 0) result[at] = chance.below(256);
    else if (kind === 1) result = result.subarray(0, at);
    else if (kind === 2) result = Buffer.concat([result.subarray(0, at), result.subarray(at + 1)]);
    else result = Buffer.concat([result.subarray(0, at), result.subarray(at >> 1)]);
  }
  return result;
}

/** One frame of the ten thousand. */
function fuzzed(chance: Chance, vsn: 1 | 2): Buffer {
  const message = Buffer.from(wellFormed(chance, vsn));
  switch (chance.below(10)) {
    case 0:
      return makeFrame(chance.bytes(chance.below(200)), { opcode: 1 + chance.below(2) });
    case 1:
      return makeFrame(mutated(chance, message));
    case 2:
      return mutated(chance, makeFrame(message));
    case 3:
      return makeFrame(message, {
        opcode: chance.below(16),
        fin: chance.below(3) > 0,
        reserved: chance.below(20) === 0 ? 1 + chance.below(7) : 0,
        masked: chance.below(30) > 0,
      });
    case 4:
      return makeFrame(binary(chance), { opcode: 2 });
    case 5:
      return makeFrame(mutated(chance, binary(chance)), { opcode: 2 });
    default:
      return makeFrame(message);
  }
}

/** Sends a connection's share of frames. Gives back the close code, if the server closed. */
async function attack(chance: Chance, port: number): Promise<number | undefined> {
  const vsn = chance.oneOf([1, 2] as const);
  const path = chance.oneOf(["/socket/websocket", "/deflate/websocket"]);
  const raw = await RawWebSocket.open(port, `${path}?vsn=${vsn}.0.0`);
  const join = { topic: "room:1", event: "phx_join", payload: {}, ref: "1", join_ref: "1" };
  if (vsn === 1) raw.send(makeFrame(JSON.stringify(join)));
  else raw.message("1", "1", "room:1", "phx_join", {});
  await until(() => raw.frames.length > 0, "the join reply");
  for (let i = 0; i < FRAMES_PER_CONNECTION; i++) raw.send(fuzzed(chance, vsn));
  // A close frame, so that the server ends what it has not ended before: inside of a frame it may be data.
  raw.send(makeFrame(Uint8Array.of(3, 232), { opcode: 8 }));
  raw.socket.end();
  await until(() => raw.closed, "the server to end the connection", 20_000);
  raw.destroy();
  return raw.closeCode;
}

let hostile: Hostile;

async function fuzz(port: number, seed: number, frames: number): Promise<Map<number | undefined, number>> {
  const codes = new Map<number | undefined, number>();
  let left = frames / FRAMES_PER_CONNECTION;
  const worker = async (chance: Chance): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const code = await attack(chance, port);
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS_AT_ONCE }, (_, i) => worker(new Chance(seed + i))));
  return codes;
}

beforeAll(async () => {
  hostile = await Hostile.start(async (port) => {
    await fuzz(port, 1, 1_000);
  });
}, 60_000);

afterAll(() => hostile.stop());

describe(`10,000 random frames (FUZZ_SEED=${SEED})`, () => {
  it("close their own connections with documented codes, and leave nothing behind", async () => {
    const codes = await fuzz(hostile.port, SEED, FRAMES);
    expect([...codes.keys()].filter((code) => !CODES.has(code))).toEqual([]);
    for (const code of [1002, 1007, 1011]) expect(codes.get(code), `closes with ${code}`).toBeGreaterThan(0);
    await hostile.expectNothingLeft(4_000_000);
    const { stats, logged } = await hostile.facts();
    expect(stats.joins_total, "many got far").toBeGreaterThan(1_500);
    expect(stats.channel_crashes_total, "many reached a channel").toBeGreaterThan(200);
    expect(logged.error, "nothing but the crashes that were asked for is an error").toBe(
      stats.channel_crashes_total,
    );
  });

  it("before a WebSocket came of it leave nothing behind", async () => {
    const chance = new Chance(SEED);
    const requests = [
      handshakeText("/socket/websocket?vsn=2.0.0"),
      handshakeText("/socket/websocket?vsn=2.0.0", { "sec-websocket-protocol": "phoenix, x" }),
      "GET /health HTTP/1.1\r\nhost: a\r\n\r\n",
      "POST /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ];
    for (let i = 0; i < 1_000; i++) {
      const raw = new RawWebSocket(hostile.port);
      const bytes = mutated(chance, Buffer.from(chance.oneOf(requests)));
      raw.socket.end(bytes);
      await until(() => raw.closed, `the end of ${JSON.stringify(bytes.toString("latin1"))}`, 20_000);
      raw.destroy();
    }
    await hostile.expectNothingLeft(4_000_000);
  });
});

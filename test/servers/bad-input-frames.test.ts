import { constants, deflateRawSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Hostile } from "../support/hostile.js";
import { frame, RawWebSocket } from "../support/raw-websocket.js";
import { until } from "../support/wait.js";

const { Z_SYNC_FLUSH } = constants;
const V1 = "/socket/websocket";
const V2 = "/socket/websocket?vsn=2.0.0";
const DEFLATE = "/deflate/websocket?vsn=2.0.0";

let hostile: Hostile;

/** Sends bytes on a connection of their own, and waits for its end. */
async function codeAfter(bytes: Uint8Array | string, target = V2): Promise<number | undefined> {
  const raw = await RawWebSocket.open(hostile.port, target);
  raw.send(bytes);
  return raw.ended();
}

/** A joined connection. */
async function joined(topic = "room:1"): Promise<RawWebSocket> {
  const raw = await RawWebSocket.open(hostile.port);
  raw.message("1", "1", topic, "phx_join", {});
  await until(() => raw.messages.length > 0, "the join reply");
  return raw;
}

beforeAll(async () => {
  hostile = await Hostile.start(
    async (port) => {
      for (let i = 0; i < 20; i++) {
        const raw = await RawWebSocket.open(port);
        raw.send(frame("{"));
        await raw.ended();
      }
    },
    { FRAME_BYTES_MAX: "4000000" },
  );
}, 60_000);

afterEach(() => hostile.witness.isWell());

afterAll(async () => {
  try {
    await hostile.expectNothingLeft(4_000_000);
  } finally {
    await hostile.stop();
  }
}, 60_000);

describe("text that is no message closes with 1011", () => {
  it.each([
    ["nothing", ""],
    ["no JSON", "{not json"],
    ["half a message", '["1","1","room:1","phx_join"'],
    ["too few elements", '["1","1","room:1","phx_join"]'],
    ["an object", '{"topic":"room:1"}'],
    ["a number", "1e999"],
    ["null", "null"],
    ["a NUL", "\0"],
    ["a byte order mark", '\ufeff["1","1","room:1","phx_join",{}]'],
    ["a list that is nested too deep and not closed", "[".repeat(200_000)],
  ])("in V2: %s", async (_what, text) => {
    expect(await codeAfter(frame(text), V2)).toBe(1011);
  });

  it.each([
    ["no JSON", "nope"],
    ["a list", '["1","1","room:1","phx_join",{}]'],
    ["no ref", '{"topic":"room:1","event":"phx_join","payload":{}}'],
    ["keys of the prototype only", '{"__proto__":{"topic":"a","event":"b","payload":{},"ref":"1"}}'],
  ])("in V1: %s", async (_what, text) => {
    expect(await codeAfter(frame(text), V1)).toBe(1011);
  });
});

describe("bytes that are no message close with 1011", () => {
  it.each([
    ["nothing", []],
    ["half a header", [0, 1, 1]],
    ["lengths beyond the end", [0, 255, 255, 255, 255, 1]],
    ["a reply", [1, 0, 0, 0, 0]],
    ["a broadcast", [2, 1, 1, 65, 66]],
    ["an unknown kind", [200, 0, 0, 0, 0]],
  ])("in V2: %s", async (_what, bytes) => {
    expect(await codeAfter(frame(Uint8Array.from(bytes), { opcode: 2 }))).toBe(1011);
  });

  it("in V1: any", async () => {
    expect(await codeAfter(frame(Uint8Array.of(0, 0, 0, 0, 0), { opcode: 2 }), V1)).toBe(1011);
  });
});

describe("frames that break RFC 6455", () => {
  const text = '[null,"1","phoenix","heartbeat",{}]';

  it.each([
    ["unmasked", frame(text, { masked: false })],
    ["with reserved bit 1", frame(text, { reserved: 4 })],
    ["with reserved bit 2", frame(text, { reserved: 2 })],
    ["with reserved bit 3", frame(text, { reserved: 1 })],
    ["of opcode 3", frame(text, { opcode: 3 })],
    ["of opcode 15", frame(text, { opcode: 15 })],
    ["that continue nothing", frame(text, { opcode: 0 })],
    ["that begin inside of another", Buffer.concat([frame("a", { fin: false }), frame("b")])],
    ["that split a ping", frame("a", { opcode: 9, fin: false })],
    ["that ping at length", frame("x".repeat(126), { opcode: 9 })],
    ["that close with half a code", frame(Uint8Array.of(3), { opcode: 8 })],
    ["that close with a forbidden code", frame(Uint8Array.of(3, 237), { opcode: 8 })],
  ])("%s close with 1002", async (_what, bytes) => {
    expect(await codeAfter(bytes)).toBe(1002);
  });

  it.each([
    ["a stray continuation byte", [0x80]],
    ["an overlong slash", [0xc0, 0xaf]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["a cut sequence", [0xe2, 0x82]],
    ["a code point too large", [0xf4, 0x90, 0x80, 0x80]],
  ])("of text that is no UTF-8, %s, close with 1007", async (_what, bytes) => {
    expect(await codeAfter(frame(Uint8Array.from(bytes)))).toBe(1007);
    const parts = [frame("ok", { fin: false }), frame(Uint8Array.from(bytes), { opcode: 0 })];
    expect(await codeAfter(Buffer.concat(parts))).toBe(1007);
    const goodbye = Uint8Array.from([3, 232, ...bytes]);
    expect(await codeAfter(frame(goodbye, { opcode: 8 }))).toBe(1007);
  });

  it.each([
    ["announce more than the limit", frame("", { length: 4_000_001 })],
    ["announce more than a number holds", Buffer.concat([Buffer.from([0x81, 0xff]), Buffer.alloc(8, 0x7f)])],
    ["bring more than the limit", frame("x".repeat(4_000_001))],
    ["bring more than the limit in bytes", frame(new Uint8Array(4_000_001), { opcode: 2 })],
    [
      "bring more than the limit together",
      Buffer.concat([
        frame("x".repeat(3_000_000), { fin: false }),
        frame("x".repeat(1_000_001), { opcode: 0, fin: false }),
      ]),
    ],
  ])("that %s close with 1009", async (_what, bytes) => {
    expect(await codeAfter(bytes)).toBe(1009);
  });

  it("close with 1008 when one message has too many fragments", async () => {
    const empty = frame("", { opcode: 0, fin: false });
    const flood = Buffer.concat([frame("", { fin: false }), ...Array.from({ length: 20_000 }, () => empty)]);
    expect(await codeAfter(flood)).toBe(1008);
  });

  describe("of a client that compresses", () => {
    const compressing = () =>
      RawWebSocket.open(hostile.port, DEFLATE, { "sec-websocket-extensions": "permessage-deflate" });
    const deflated = (text: string | Buffer): Buffer => deflateRawSync(text, { finishFlush: Z_SYNC_FLUSH });

    it("are read where they are compressed well", async () => {
      const raw = await compressing();
      raw.send(frame(deflated(text).subarray(0, -4), { reserved: 4 }));
      await until(() => raw.frames.length === 1, "the reply");
      raw.destroy();
    });

    it.each([
      ["unmasked", 1002, () => frame(text, { masked: false })],
      ["of no message", 1011, () => frame(deflated("{").subarray(0, -4), { reserved: 4 })],
      ["that are not what deflate makes", 1007, () => frame("nonsense", { reserved: 4 })],
      ["that swell to 64 MB", 1009, () => frame(deflated(Buffer.alloc(64_000_000)), { reserved: 4 })],
    ])("%s close with %i", async (_what, code, bytes) => {
      const raw = await compressing();
      raw.send(bytes());
      expect(await raw.ended()).toBe(code);
    });
  });
});

describe("messages that are odd, and no fault", () => {
  it("are answered: a fragmented message with pings between its parts", async () => {
    const raw = await joined();
    const text = Buffer.from('["1","2","room:1","ping",{"x":"ü"}]');
    raw.send(frame(text.subarray(0, 29), { fin: false }));
    for (let i = 29; i < text.length; i++) {
      raw.send(frame("", { opcode: 9 }));
      raw.send(frame(text.subarray(i, i + 1), { opcode: 0, fin: i === text.length - 1 }));
    }
    await until(() => raw.messages.length === 2, "the reply");
    expect(raw.messages[1]).toEqual([
      "1",
      "2",
      "room:1",
      "phx_reply",
      { status: "ok", response: { x: "ü" } },
    ]);
    expect(raw.frames.filter(({ opcode }) => opcode === 10)).toHaveLength(text.length - 29);
    raw.destroy();
  });

  it.each([
    ["keys of the prototype", '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}'],
    ["half of a surrogate pair", '{"x":"\\ud800"}'],
    ["a key twice", '{"a":1,"a":2}'],
    ["huge numbers", '{"a":1e400,"b":-1e400,"c":123456789012345678901234567890,"d":1e-400}'],
    ["control characters, escaped", '{"x":"\\u0000\\u001f\\u2028"}'],
    ["many keys", `{${Array.from({ length: 50_000 }, (_, i) => `"k${i}":${i}`).join(",")}}`],
  ])("are echoed as JSON has them: %s", async (_what, payload) => {
    const raw = await joined();
    raw.send(frame(`["1","2","room:1","ping",${payload}]`));
    raw.send(frame(`["1","3","room:1","assign",${payload}]`));
    await until(() => raw.messages.length === 2, "the reply");
    const expected = JSON.stringify(JSON.parse(payload));
    expect(raw.frames[1]?.payload.toString()).toBe(
      `["1","2","room:1","phx_reply",{"status":"ok","response":${expected}}]`,
    );
    expect(await raw.alive()).toBe(true);
    raw.destroy();
  });

  it("end the channel alone when nested too deep to be written", async () => {
    const raw = await joined();
    raw.send(frame(`["1","2","room:1","ping",${"[".repeat(100_000)}${"]".repeat(100_000)}]`));
    await until(() => raw.messages.length === 2, "phx_error");
    expect(raw.messages[1]).toEqual(["1", "1", "room:1", "phx_error", { reason: "channel_crash" }]);
    expect(await raw.alive()).toBe(true);
    raw.destroy();
  });

  it("close with 1011 when nested too deep in what must be written back", async () => {
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    expect(await codeAfter(frame(`[null,${deep},"phoenix","heartbeat",{}]`))).toBe(1011);
    expect(await codeAfter(frame(`[null,"1",${deep},"phx_join",{}]`))).toBe(1011);
  });

  it("are refused when they join a topic of a million characters, and the connection lives on", async () => {
    const raw = await RawWebSocket.open(hostile.port);
    raw.message("1", "1", `room:${"x".repeat(1_000_000)}`, "phx_join", {});
    await until(() => raw.messages.length === 1, "the reply");
    expect((raw.messages[0] as unknown[])[4]).toEqual({
      status: "error",
      response: { reason: "topic too long" },
    });
    expect(await raw.alive()).toBe(true);
    raw.destroy();
  });

  it("leave nothing of a connection behind after its goodbye: what follows is not heard", async () => {
    const raw = await joined();
    raw.send(
      Buffer.concat([
        frame("{"),
        frame('["1","2","room:1","shout",{}]'),
        frame('["2","2","room:2","phx_join",{}]'),
        frame("", { masked: false }),
      ]),
    );
    expect(await raw.ended()).toBe(1011);
    expect(raw.messages).toHaveLength(1);
    expect(raw.frames.at(-1)?.opcode).toBe(8);
  });
});

describe("a client that does not read", () => {
  it("gets no pongs without end: its pings end the connection", async () => {
    const raw = await RawWebSocket.open(hostile.port);
    raw.socket.pause();
    const pings = Buffer.concat(Array.from({ length: 1_000 }, () => frame("x".repeat(125), { opcode: 9 })));
    await until(
      async () => {
        for (let i = 0; i < 20 && raw.socket.writable; i++) raw.send(pings);
        return (await hostile.facts()).stats.connections === 1;
      },
      "the server to end the connection",
      40_000,
    );
    raw.destroy();
  });

  it("gets no replies without end: they close it with 1013", async () => {
    const before = (await hostile.facts()).stats.slow_readers_total ?? 0;
    const raw = await joined();
    raw.socket.pause();
    const echo = frame(`["1","2","room:1","ping",${JSON.stringify("x".repeat(100_000))}]`);
    await until(
      async () => {
        for (let i = 0; i < 10 && raw.socket.writable; i++) raw.send(echo);
        return (await hostile.facts()).stats.slow_readers_total === before + 1;
      },
      "the server to count a slow reader",
      40_000,
    );
    raw.socket.resume();
    expect(await raw.ended()).toBe(1013);
  });
});

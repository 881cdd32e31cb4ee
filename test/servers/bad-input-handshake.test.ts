import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Hostile } from "../support/hostile.js";
import { frame, handshakeText, RawWebSocket } from "../support/raw-websocket.js";
import { until } from "../support/wait.js";

const TARGET = "/socket/websocket?vsn=2.0.0";

let hostile: Hostile;

/** A plain connection, and what came on it. */
interface Raw {
  readonly socket: Socket;
  /** All that has come so far. */
  text(): string;
  /** Resolves with all that came, when the server has ended the connection. */
  ended(): Promise<string>;
}

function dial(): Raw {
  const socket = connect({ host: "127.0.0.1", port: hostile.port, allowHalfOpen: true });
  let text = "";
  let over = false;
  socket.on("error", () => {});
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
  });
  for (const event of ["end", "close"]) socket.on(event, () => (over = true));
  const ended = async (): Promise<string> => {
    await until(() => over, "the server to end the connection", 30_000);
    socket.destroy();
    return text;
  };
  return { socket, text: () => text, ended };
}

/** Sends a text and gives back the whole answer. The client never closes by itself. */
function answerTo(text: string): Promise<string> {
  const raw = dial();
  raw.socket.write(text, "latin1");
  return raw.ended();
}

const status = (answer: string): string => answer.split("\r\n")[0] ?? "";

beforeAll(async () => {
  hostile = await Hostile.start(async () => {});
  for (let i = 0; i < 20; i++) await answerTo("GET / HTTP/1.1\r\n\r\n");
}, 60_000);

afterEach(() => hostile.witness.isWell());

afterAll(async () => {
  try {
    await hostile.expectNothingLeft(4_000_000);
  } finally {
    await hostile.stop();
  }
}, 60_000);

describe("a handshake that is none", () => {
  it.each([
    ["no HTTP", "hello\r\n\r\n", "400 Bad Request"],
    ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400 Bad Request"],
    ["HTTP/2 without asking", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400 Bad Request"],
    ["a header without a name", "GET / HTTP/1.1\r\n: x\r\n\r\n", "400 Bad Request"],
    ["NULs in a header", "GET / HTTP/1.1\r\nhost: a\0b\r\n\r\n", "400 Bad Request"],
    [
      "two lengths",
      "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
      "400 Bad Request",
    ],
    ["no host", "GET / HTTP/1.1\r\n\r\n", "400 Bad Request"],
    [
      "one header of 100,000 characters",
      `GET / HTTP/1.1\r\nhost: a\r\nx: ${"y".repeat(100_000)}\r\n\r\n`,
      "431 Request Header Fields Too Large",
    ],
    [
      "10,000 headers",
      `GET / HTTP/1.1\r\nhost: a\r\n${"x: y\r\n".repeat(10_000)}\r\n`,
      "431 Request Header Fields Too Large",
    ],
    [
      "an address of 100,000 characters",
      `GET /${"x".repeat(100_000)} HTTP/1.1\r\nhost: a\r\n\r\n`,
      "431 Request Header Fields Too Large",
    ],
  ])("is answered and ended: %s", async (_what, text, expected) => {
    expect(status(await answerTo(text))).toBe(`HTTP/1.1 ${expected}`);
  });

  it.each([
    ["another method", handshakeText(TARGET).replace("GET", "PUT"), 400],
    ["another path", handshakeText("/nowhere"), 404],
    ["an unknown version of messages", handshakeText("/socket/websocket?vsn=9.0.0"), 403],
    ["the origin of another host", handshakeText(TARGET, { origin: "https://evil.example" }), 403],
    ["no key", handshakeText(TARGET, { "sec-websocket-key": "" }), 400],
    ["a key that is none", handshakeText(TARGET, { "sec-websocket-key": "short" }), 400],
    ["an old version of WebSocket", handshakeText(TARGET, { "sec-websocket-version": "7" }), 400],
    ["another upgrade", handshakeText(TARGET, { upgrade: "h2c" }), 400],
    ["subprotocols that are none", handshakeText(TARGET, { "sec-websocket-protocol": "a,,b" }), 101],
    ["extensions that are none", handshakeText(TARGET, { "sec-websocket-extensions": ";=;" }), 101],
    ["a connect that throws", handshakeText(`${TARGET}&connect=throw`), 500],
    ["a connect that never answers", handshakeText(`${TARGET}&connect=hang`), 503],
  ])("is answered %s", async (_what, text, expected) => {
    const raw = dial();
    raw.socket.write(text);
    await until(() => raw.text().includes("\r\n\r\n"), "an answer");
    expect(status(raw.text())).toMatch(new RegExp(`^HTTP/1.1 ${expected} `));
    expect(raw.text()).toContain("x-simurgh-node: hostile@test\r\n");
    if (expected === 101) raw.socket.destroy();
    else await raw.ended();
  });
});

describe("an answer of the server", () => {
  it.each([
    "hello\r\n\r\n",
    "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
    handshakeText("/nowhere"),
    handshakeText(TARGET),
  ])("names its node: to %j", async (text) => {
    const raw = dial();
    raw.socket.write(text);
    await until(() => raw.text().includes("\r\n\r\n"), "an answer");
    expect(raw.text()).toContain("x-simurgh-node: hostile@test\r\n");
    raw.socket.destroy();
  });

  it("reaches a client that offers an upgrade that nobody takes, as a plain answer", async () => {
    const text = handshakeText("/health", { upgrade: "h2c", "http2-settings": "AAMAAABkAAQCAAAAAAIAAAAA" });
    const answer = await answerTo(text);
    expect(status(answer)).toBe("HTTP/1.1 200 OK");
    expect(answer).toContain('"node":"hostile@test"');
  });

  it("is 501 to an upgrade with a body, which Node would not read", async () => {
    const text = handshakeText("/health", { upgrade: "h2c", "content-length": "3" });
    expect(status(await answerTo(`${text}abc`))).toMatch(/^HTTP\/1\.1 501 /);
  });
});

describe("a client that takes its time", () => {
  it("with its handshake, a byte now and then, is cut off after 10 seconds", async () => {
    const slow = Array.from({ length: 20 }, dial);
    const silent = Array.from({ length: 20 }, dial);
    const text = handshakeText(TARGET);
    let sent = 0;
    const drip = setInterval(() => {
      for (const { socket } of slow) if (socket.writable) socket.write(text[sent] ?? "");
      sent += 1;
    }, 200);
    const answers = await Promise.all([...slow, ...silent].map((raw) => raw.ended()));
    clearInterval(drip);
    expect(sent, "the handshake was not even complete").toBeLessThan(text.length);
    expect(new Set(answers.map(status))).toEqual(new Set(["HTTP/1.1 408 Request Timeout"]));
  });
});

describe("a half-closed connection", () => {
  it.each([
    ["before anything", ""],
    ["within the handshake", handshakeText(TARGET).slice(0, 60)],
  ])("%s is ended", async (_when, text) => {
    const raw = dial();
    raw.socket.end(text);
    await raw.ended();
  });

  it("after the handshake was sent is answered or ended, and freed", async () => {
    for (const target of [TARGET, `${TARGET}&connect=hang`, "/nowhere"]) {
      const raw = dial();
      raw.socket.end(handshakeText(target));
      await raw.ended();
    }
  });

  it.each([
    ["after the handshake", ""],
    ["within a frame", frame("hello").subarray(0, 4)],
    ["within a message", frame("hello", { fin: false })],
    ["after a message", frame('["1","1","room:1","phx_join",{}]')],
    ["while a join awaits", frame('["1","1","room:slow","phx_join",{}]')],
  ])("%s is ended and freed", async (_when, bytes) => {
    const raw = await RawWebSocket.open(hostile.port);
    raw.send(bytes);
    raw.socket.end();
    await until(() => raw.closed, "the server to end the connection");
    raw.destroy();
  });
});

describe("a connection that is reset", () => {
  it("at any stage leaves nothing behind", async () => {
    const stages: ((raw: RawWebSocket) => void)[] = [
      () => {},
      (raw) => raw.send(handshakeText(TARGET).slice(0, 60)),
      (raw) => raw.send(handshakeText(TARGET)),
      (raw) => raw.send(handshakeText(`${TARGET}&connect=hang`)),
      (raw) => raw.send(handshakeText("/nowhere")),
    ];
    const open: (string | Uint8Array)[] = [
      "",
      frame("hello").subarray(0, 4),
      frame('["1","1","room:1","phx_join",{}]'),
      frame('["1","1","room:slow","phx_join",{}]'),
      Buffer.concat([
        frame('["1","1","room:1","phx_join",{}]'),
        ...Array.from({ length: 50 }, () => frame('["1","2","room:1","slow",{}]')),
      ]),
      frame(""),
      frame("", { opcode: 8 }),
    ];
    for (let round = 0; round < 5; round++) {
      const raws = stages.map((stage) => {
        const raw = new RawWebSocket(hostile.port);
        raw.socket.once("connect", () => stage(raw));
        return raw;
      });
      for (const bytes of open) {
        const raw = await RawWebSocket.open(hostile.port);
        raw.send(bytes);
        raws.push(raw);
      }
      for (const raw of raws) await raw.reset();
    }
  });

  it("while much is under way to it leaves nothing behind", async () => {
    for (let round = 0; round < 5; round++) {
      const raw = await RawWebSocket.open(hostile.port);
      raw.message("1", "1", "room:1", "phx_join", {});
      const echo = frame(`["1","2","room:1","ping",${JSON.stringify("x".repeat(100_000))}]`);
      raw.socket.pause();
      for (let i = 0; i < 50; i++) raw.send(echo);
      if (raw.socket.writableLength > 0) await Promise.race([once(raw.socket, "drain"), raw.ended()]);
      await raw.reset();
    }
  });
});

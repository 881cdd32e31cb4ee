import { connect, type Socket } from "node:net";
import { deflateRawSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Attacked, SECRET_TEXT } from "../support/attacked.js";
import { ask } from "../support/http.js";
import { poller, startPolling } from "../support/poll-client.js";
import { frame, handshakeText, RawWebSocket } from "../support/raw-websocket.js";
import { until } from "../support/wait.js";

const TARGET = "/socket/websocket?vsn=2.0.0";
const POLL = "/socket/longpoll?vsn=2.0.0";

let server: Attacked;
/** Somebody who minds his own business meanwhile. */
let witness: RawWebSocket;

beforeAll(async () => {
  server = await Attacked.start();
  witness = await server.joined(`${TARGET}&user=witness`, "room:witness");
}, 60_000);

afterEach(async () => {
  expect(await witness.alive(), "the witness is answered as before").toBe(true);
});

afterAll(() => server.stop());

/** Sends a text on a connection of its own and waits for the end of the answer's head. */
async function answerTo(text: string): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port: server.port, allowHalfOpen: true });
  let answer = "";
  let over = false;
  socket.on("error", () => {});
  socket.on("data", (chunk) => (answer += chunk.toString("latin1")));
  for (const event of ["end", "close"]) socket.on(event, () => (over = true));
  socket.write(text, "latin1");
  await until(() => over || answer.includes("\r\n\r\n"), "an answer", 20_000);
  socket.destroy();
  return answer;
}

const status = (answer: string): string => answer.split(" ")[1] ?? "";

describe("a page of another origin", () => {
  const origins = [
    "https://evil.example",
    "null",
    "",
    "file://",
    "http://127.0.0.1.evil.example",
    "http://127.0.0.1@evil.example",
    "http://evil.example#http://127.0.0.1",
    "http://evil.example, http://127.0.0.1",
    "javascript://127.0.0.1%0aevil.example",
  ];

  it.each(origins)("gets 403 over WebSocket, and is not logged: origin %j", async (origin) => {
    const lines = server.log().length;
    expect(status(await answerTo(handshakeText(TARGET, { origin })))).toBe("403");
    expect(server.log(lines)).toEqual([]);
  });

  it.each(origins.filter((origin) => origin !== ""))("gets 403 over long poll: origin %j", async (origin) => {
    const answer = await ask(server.port, POLL, { headers: { origin } });
    expect(JSON.parse(answer.body)).toEqual({ status: 403 });
  });

  it("may connect when it is of the own host", async () => {
    const raw = await RawWebSocket.open(server.port, TARGET, { origin: "http://127.0.0.1" });
    raw.destroy();
  });
});

describe("header injection", () => {
  it.each([
    ["a bare line feed", handshakeText(TARGET).replace("\r\n\r\n", "\nx-injected: 1\r\n\r\n")],
    ["a bare carriage return", handshakeText(TARGET, { "x-a": "b\rx-injected: 1" })],
    ["a folded line", handshakeText(TARGET, { "x-a": "b\r\n x-injected: 1" })],
    ["a NUL", handshakeText(TARGET, { "x-a": "b\0" })],
    ["a space before the colon", handshakeText(TARGET).replace("host:", "host :")],
    ["two lengths", handshakeText(TARGET, { "content-length": "1\r\ncontent-length: 2" })],
    ["a length and chunks", handshakeText(TARGET, { "content-length": "1", "transfer-encoding": "chunked" })],
  ])("by %s is answered 400", async (_what, text) => {
    const answer = await answerTo(text);
    expect(status(answer)).toBe("400");
    expect(answer.split("\r\n\r\n")[0]).not.toMatch(/^x-injected/im);
  });

  it("through what the server repeats comes to nothing", async () => {
    const escaped = "%0d%0ax-injected:%201";
    for (const text of [
      handshakeText(`${TARGET}&a=${escaped}`),
      handshakeText(`/socket/${escaped}/websocket?vsn=2.0.0`),
      handshakeText(TARGET, { "sec-websocket-protocol": `phoenix, a${escaped}` }),
      `OPTIONS ${POLL} HTTP/1.1\r\nhost: a\r\nconnection: close\r\naccess-control-request-headers: a${escaped}\r\n\r\n`,
    ]) {
      expect((await answerTo(text)).split("\r\n\r\n")[0]).not.toMatch(/^x-injected/im);
    }
  });
});

describe("a path that leads out of the pages", () => {
  it.each([
    "/../secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e/secret.txt",
    "/%2e%2e%2fsecret.txt",
    "/..%5csecret.txt",
    "/x/../../secret.txt",
    "/./../secret.txt",
    "//../secret.txt",
    "/%252e%252e/secret.txt",
    "/..%c0%afsecret.txt",
    "/%00/../secret.txt",
    "/.hidden",
    "//etc/passwd",
    "/socket/../../secret.txt",
    "http://127.0.0.1/../secret.txt",
    "/%",
  ])("leads nowhere: %s", async (path) => {
    const lines = server.log().length;
    const answer = await answerTo(`GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`);
    expect(["400", "403", "404"]).toContain(status(answer));
    expect(answer).not.toContain(SECRET_TEXT);
    expect(answer).not.toContain("root:");
    expect(server.log(lines)).toEqual([]);
  });

  it("is not needed for what is a page", async () => {
    expect(await answerTo("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")).toContain("a page");
  });
});

describe("keys that mean something to JavaScript", () => {
  it("in parameters are plain keys", async () => {
    const query =
      "&__proto__[polluted]=1&constructor[prototype][polluted]=1&a[__proto__][polluted]=1&toString=x";
    const raw = await server.joined(`${TARGET}${query}`);
    raw.message("1", "2", "room:1", "params", {});
    await until(() => raw.messages.length > 1, "the answer");
    expect(JSON.stringify(raw.messages[1])).toContain('"__proto__":{"polluted":"1"}');
    expect((await server.facts()).polluted).toBe(false);
    raw.destroy();
  });

  it.each([
    '{"__proto__":{"polluted":1},"user":"x"}',
    '{"constructor":{"prototype":{"polluted":1}}}',
    '{"toString":1,"hasOwnProperty":1,"then":1,"toJSON":1}',
  ])("in payloads pollute nothing: %s", async (payload) => {
    const raw = await server.joined();
    for (const event of ["echo", "merge", "shout", "__proto__", "constructor"]) {
      raw.send(frame(`["1","2","room:1","${event}",${payload}]`));
    }
    raw.send(frame(`["1","3","__proto__","phx_join",${payload}]`));
    raw.send(frame(`["1","4","room:__proto__","phx_join",${payload}]`));
    expect(await raw.alive()).toBe(true);
    expect((await server.facts()).polluted).toBe(false);
    raw.destroy();
  });

  it("in V1 are no message", async () => {
    const raw = await RawWebSocket.open(server.port, "/socket/websocket");
    raw.send(frame('{"__proto__":{"topic":"room:1","event":"phx_join","payload":{},"ref":"1"}}'));
    expect(await raw.ended()).toBe(1011);
  });
});

describe("names and patterns made to cost time", () => {
  it("a topic of a megabyte is refused, and is not in the log", async () => {
    const raw = await RawWebSocket.open(server.port, TARGET);
    raw.message("1", "1", `room:${"x".repeat(1_000_000)}`, "phx_join", {});
    await until(() => raw.messages.length > 0, "the answer", 20_000);
    expect(JSON.stringify(raw.messages[0]).slice(-80)).toContain("topic too long");
    expect(JSON.stringify(await server.exceeded("nameLengthMax")).length).toBeLessThan(500);
    raw.destroy();
  });

  const long = 15_000;
  it.each([
    ["origin", handshakeText(TARGET, { origin: `http://${"a.".repeat(long / 2)}` })],
    ["origin with a bracket", handshakeText(TARGET, { origin: `//[${":".repeat(long)}` })],
    ["query names", handshakeText(`${TARGET}&${"a[".repeat(long / 2)}`)],
    ["query of ampersands", handshakeText(`${TARGET}${"&".repeat(long)}`)],
    ["query of percent signs", handshakeText(`${TARGET}&a=${"%".repeat(long)}`)],
    ["subprotocols", handshakeText(TARGET, { "sec-websocket-protocol": ", ".repeat(long / 2) })],
    [
      "token",
      handshakeText(TARGET, { "sec-websocket-protocol": `base64url.bearer.phx.${"A=".repeat(long / 2)}` }),
    ],
    ["extensions", handshakeText(TARGET, { "sec-websocket-extensions": `a;${" ".repeat(long)}b` })],
    ["forwarded for", handshakeText(TARGET, { "x-forwarded-for": ",:".repeat(long / 2) })],
    ["path", handshakeText(`/socket${"/..".repeat(long / 3)}`)],
  ])("a handshake of 15 KB is answered as fast as another: %s", async (_what, text) => {
    const begun = performance.now();
    for (let i = 0; i < 5; i++) expect(status(await answerTo(text))).toMatch(/^(101|400|403|404)$/);
    expect(performance.now() - begun, "a bound for what takes time without bound").toBeLessThan(10_000);
  });
});

describe("connections that say nothing, or little", () => {
  it("a byte now and then does not keep a request alive: 408", async () => {
    const socket = connect({ host: "127.0.0.1", port: server.port });
    let answer = "";
    let closed = false;
    socket.on("error", () => {});
    socket.on("data", (chunk) => (answer += chunk.toString()));
    socket.on("close", () => (closed = true));
    socket.write("GET /socket/websocket HTTP/1.1\r\nhost: a\r\n");
    await until(
      () => {
        if (!closed) socket.write("x");
        return closed;
      },
      "the end of the slow request",
      20_000,
    );
    expect(answer).toMatch(/^HTTP\/1.1 408 /);
    await server.exceeded("headersTimeoutMs or requestTimeoutMs");
    expect((await server.facts()).stats.request_timeouts_total).toBeGreaterThan(0);
  });

  it("2,000 of them leave room for who speaks: the oldest are cut, and the log says so in a line or two", async () => {
    const silent: Socket[] = [];
    let cut = 0;
    for (let i = 0; i < 2_000; i++) {
      const socket = connect({ host: "127.0.0.1", port: server.port });
      socket.on("error", () => {});
      socket.on("close", () => cut++);
      silent.push(socket);
    }
    await until(() => cut >= 1_700, "the oldest to be cut", 30_000);
    const raw = await server.joined();
    expect(await raw.alive()).toBe(true);
    raw.destroy();
    expect((await server.facts()).stats.half_open).toBeLessThanOrEqual(200);
    await server.exceeded("halfOpenMax");
    const told = server.log().filter(({ limit }) => limit === "halfOpenMax");
    expect(told.length).toBeLessThan(10);
    for (const socket of silent) socket.destroy();
  }, 60_000);
});

describe("messages without measure", () => {
  it("a frame that announces 10 GB is closed with 1009 before it comes", async () => {
    const raw = await server.joined();
    raw.send(frame("x", { length: 10_000_000_000 }));
    expect(await raw.ended()).toBe(1009);
    expect(await server.exceeded("frameBytesMax")).toMatchObject({ level: "warn", path: "/socket" });
  });

  it("a compressed bomb is closed with 1009, and does not blow up", async () => {
    const before = (await server.facts()).rss;
    const bomb = deflateRawSync(Buffer.alloc(200_000_000));
    for (let i = 0; i < 5; i++) {
      const raw = await RawWebSocket.open(server.port, "/deflate/websocket?vsn=2.0.0", {
        "sec-websocket-extensions": "permessage-deflate",
      });
      raw.send(frame(bomb, { reserved: 4 }));
      expect(await raw.ended()).toBe(1009);
    }
    expect((await server.facts()).rss - before).toBeLessThan(150_000_000);
    expect((await server.facts()).stats.oversize_messages_total).toBeGreaterThanOrEqual(5);
  }, 40_000);

  it("fragments without end are closed with 1008", async () => {
    const raw = await server.joined();
    raw.send(frame("[", { fin: false }));
    const more = Buffer.concat(Array.from({ length: 17_000 }, () => frame(" ", { opcode: 0, fin: false })));
    raw.send(more);
    expect(await raw.ended()).toBe(1008);
    expect(await server.exceeded("fragments")).toMatchObject({ level: "warn", path: "/socket" });
  });

  it("a flood of pings by who takes no pongs ends his connection", async () => {
    const raw = await server.joined();
    raw.socket.pause();
    const pings = Buffer.concat(Array.from({ length: 2_000 }, () => frame("x".repeat(125), { opcode: 9 })));
    let closed = false;
    raw.socket.on("close", () => (closed = true));
    await until(
      () => {
        if (!closed) raw.send(pings);
        return closed;
      },
      "the end of the connection",
      30_000,
    );
    expect(server.output).not.toContain("RangeError");
  }, 40_000);

  it("a flood of messages is answered with errors, then closed with 1008", async () => {
    const raw = await server.joined();
    const echo = frame('["1","2","room:1","echo",{}]');
    raw.send(Buffer.concat(Array.from({ length: 5_000 }, () => echo)));
    await until(() => raw.closeCode !== undefined, "the close", 20_000);
    const refusals = raw.messages.filter((message) => JSON.stringify(message).includes("retry_after_ms"));
    expect(refusals).toHaveLength(10);
    expect(await raw.ended()).toBe(1008);
    await server.exceeded("messagesPerS");
    await server.exceeded("refusalsMax");
  });

  it("a flood of joins is answered with errors, then closed with 1008", async () => {
    const raw = await RawWebSocket.open(server.port, TARGET);
    for (let i = 0; i < 200; i++) raw.message("1", `${i}`, `room:${i}`, "phx_join", {});
    await until(() => raw.closeCode !== undefined, "the close", 20_000);
    const texts = raw.messages.map((message) => JSON.stringify(message));
    expect(texts.filter((text) => text.includes("too many joins"))).toHaveLength(10);
    expect(texts.find((text) => text.includes("too many joins"))).toMatch(/"retry_after_ms":\d+/);
    expect(await raw.ended()).toBe(1008);
    await server.exceeded("joinsPerS");
    expect((await server.facts()).stats.channels).toBeLessThan(25);
  });

  it("sockets without end of one user are refused with 429", async () => {
    const open: RawWebSocket[] = [];
    for (let i = 0; i < 20; i++) open.push(await RawWebSocket.open(server.port, `${TARGET}&user=greedy`));
    const answer = await answerTo(handshakeText(`${TARGET}&user=greedy`));
    expect(answer).toMatch(/^HTTP\/1.1 429 /);
    expect(answer).toMatch(/\r\nretry-after: 30\r\n/i);
    expect(await server.exceeded("socketsPerUserMax")).toMatchObject({ user: "user:greedy" });
    for (const raw of open) raw.destroy();
  });
});

describe("long-poll sessions of others", () => {
  it("are not reached by forged tokens", async () => {
    const victim = await startPolling(server.port, POLL);
    await victim.post(["1", "1", "room:victim", "phx_join", {}]);
    const lines = server.log().length;
    const [head = "", body = "", signature = ""] = victim.token.split(".");
    for (const forged of [
      "x",
      victim.token.slice(0, -1),
      `${head}.${body}.`,
      `${head}.${body}x.${signature}`,
      `${head}.${Buffer.from("phx:lp:guess").toString("base64url")}.${signature}`,
      `${victim.token}.${victim.token}`,
      "A".repeat(10_000),
    ]) {
      const thief = poller(server.port, POLL, forged);
      expect(await thief.post(["1", "2", "room:victim", "echo", {}])).toMatchObject({ status: 410 });
      const fresh = await thief.get();
      expect(fresh).toMatchObject({ status: 410, messages: [] });
      expect(fresh.token).not.toBe(victim.token);
    }
    expect(server.log(lines)).toEqual([]);
    expect(await victim.messages()).toMatchObject([["1", "1", "room:victim", "phx_reply", { status: "ok" }]]);
  });

  it("are not reached by a token at another mount, nor by their topics", async () => {
    const victim = await startPolling(server.port, POLL);
    const elsewhere = poller(server.port, "/other/longpoll?vsn=2.0.0", victim.token);
    expect(await elsewhere.post(["1", "1", "room:1", "phx_join", {}])).toMatchObject({ status: 410 });
    const payload = Buffer.from(victim.token.split(".")[1] ?? "", "base64url").toString("latin1");
    const topic = /phx:lp:[\w-]{24}/.exec(payload)?.[0] ?? "";
    expect(topic).toMatch(/^phx:lp:/);
    const raw = await RawWebSocket.open(server.port, TARGET);
    raw.message("1", "1", topic, "phx_join", {});
    await until(() => raw.messages.length > 0, "the answer");
    expect(JSON.stringify(raw.messages[0])).toContain("unmatched topic");
    raw.destroy();
  });

  it("leave no tokens in the log", async () => {
    const victim = await startPolling(server.port, POLL);
    await victim.postLines(["not a message"]);
    expect(server.output).not.toContain(victim.token);
    expect(server.output).not.toContain("SFMyNTY");
  });
});

describe("after all attacks", () => {
  it("no error was logged, and nothing was polluted", async () => {
    const errors = server
      .log()
      .filter(({ level, message }) => level === "error" && message !== "channel crashed");
    expect(errors).toEqual([]);
    expect((await server.facts()).polluted).toBe(false);
  });
});

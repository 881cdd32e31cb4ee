import { describe, expect, it } from "vitest";
import type { LongPollOptions, MountOptions } from "../../src/runtime/endpoint-options.js";
import { ok, type Reply } from "../../src/runtime/result.js";
import { accept, socket } from "../../src/runtime/socket-definition.js";
import { replyFrame as answer, closeFrame } from "../support/channel-client.js";
import { useEndpoints } from "../support/endpoints.js";
import { type AskOptions, ask } from "../support/http.js";
import { startPolling } from "../support/poll-client.js";
import { until } from "../support/wait.js";
import { askPoll } from "../support/wire-client.js";

const start = useEndpoints();
const target = "/socket/longpoll?vsn=2.0.0";

/** Lets the joins of `room:wait` go on. */
const waiting: (() => void)[] = [];
const users = socket({
  connect: ({ params }) => accept({ id: params.id }),
  id: ({ assigns }) => (typeof assigns.id === "string" ? assigns.id : undefined),
});
const room = users.channel({
  join(ch) {
    if (ch.topic !== "room:wait") return ok();
    return new Promise<Reply>((resolve) => void waiting.push(() => resolve(ok())));
  },
  in: {
    ping: (_ch, payload) => ok(payload),
    bytes: (ch) => ch.push("bytes", new Uint8Array([1])),
  },
});

function serve(longpoll: LongPollOptions | true = true, mount: Partial<MountOptions> = {}) {
  waiting.length = 0;
  return start({ sockets: { "/socket": { socket: users.routes({ "room:*": room }), longpoll, ...mount } } });
}

const join = ["1", "1", "room:1", "phx_join", {}];
const joined = answer("1", "1", "room:1", "ok");
const text = (message: unknown) => JSON.stringify(message);
const ping = (ref: number) => text(["1", String(ref), "room:1", "ping", ref]);
const pong = (ref: number) => answer("1", String(ref), "room:1", "ok", ref);

describe("a post", () => {
  it("is answered 200 when it was handled, whatever the channel says", async () => {
    const { port } = await serve();
    const client = await startPolling(port);
    const { headers, ...reply } = await client.post(["1", "1", "nope", "phx_join", {}]);
    expect(reply).toEqual({ http: 200, status: 200 });
    expect(headers).toMatchObject({
      "access-control-allow-origin": "*",
      "content-type": "application/json; charset=utf-8",
      "cache-control": "no-store",
    });
    expect(await client.messages()).toEqual([
      answer(null, "1", "nope", "error", { reason: "unmatched topic" }),
    ]);
  });

  it("is answered when the join in it is answered, and the messages behind it", async () => {
    const { port } = await serve();
    const client = await startPolling(port);
    const lines = [text(["9", "9", "room:wait", "phx_join", {}]), text(join), ping(2)];
    let handled = false;
    const reply = client.postLines(lines).finally(() => {
      handled = true;
    });
    await until(() => waiting.length === 1, "the author is asked");
    await ask(port, "/health");
    expect(handled).toBe(false);
    waiting[0]?.();
    expect((await reply).status).toBe(200);
    expect(await client.messages()).toEqual([answer("9", "9", "room:wait", "ok"), joined, pong(2)]);
  });

  it("waits for those before it, but only a few wait", async () => {
    const { port } = await serve({ windowMs: 5_000 });
    const client = await startPolling(port);
    const first = client.post(["9", "9", "room:wait", "phx_join", {}]);
    await until(() => waiting.length === 1, "the author is asked");
    const others = Array.from({ length: 20 }, (_, i) => client.post(["1", `${i}`, "room:1", "phx_join", {}]));
    const statuses: unknown[] = [];
    for (const other of others) void other.then(({ status }) => statuses.push(status));
    // Those that are too many are answered at once, while the join still waits.
    await until(() => statuses.length === 13, "the rest waits");
    expect(new Set(statuses)).toEqual(new Set([408]));
    waiting[0]?.();
    expect((await first).status).toBe(200);
    await Promise.all(others);
    expect(statuses.slice(13)).toEqual(Array.from({ length: 7 }, () => 200));
  });

  it("of what is no message ends the session, and is answered 410", async () => {
    const { port, endpoint } = await serve();
    const client = await startPolling(port);
    await client.post(join);
    expect((await client.post({ no: "message" })).status).toBe(410);
    expect((await client.post(join)).status).toBe(410);
    expect(endpoint.stats()).toMatchObject({ connections: 0, channels: 0, protocol_faults_total: 1 });
    expect(await client.get()).toMatchObject({ status: 410, messages: [] });
  });

  const postRaw = (port: number, token: string, options: AskOptions) =>
    askPoll(port, target, {
      method: "POST",
      ...options,
      headers: { ...options.headers, "x-phoenix-longpoll-token": token },
    });

  it("is split into lines for the exact type of newline-delimited JSON only", async () => {
    const { port } = await serve();
    const client = await startPolling(port);
    await client.post(join);
    const body = `${ping(2)}\r\n${ping(3)}\n${ping(4)}`;
    const type = (value: string) => ({ body, headers: { "content-type": value } });
    expect((await postRaw(port, client.token, type("application/x-ndjson"))).status).toBe(200);
    expect(await client.messages()).toEqual([joined, pong(2), pong(3), pong(4)]);
    expect((await postRaw(port, client.token, type("application/x-ndjson; charset=utf-8"))).status).toBe(410);
  });

  it("is one message of any other type, or of none", async () => {
    const { port } = await serve();
    const client = await startPolling(port);
    expect((await postRaw(port, client.token, { body: text(join) })).status).toBe(200);
    const headers = { "content-type": "text/plain" };
    expect((await postRaw(port, client.token, { body: ping(2), headers })).status).toBe(200);
    expect(await client.messages()).toEqual([joined, pong(2)]);
  });

  it("brings a hundred lines, and no more", async () => {
    const { port } = await serve();
    const client = await startPolling(port);
    await client.post(join);
    expect((await client.postLines(Array.from({ length: 120 }, (_, i) => ping(i)))).status).toBe(200);
    const pongs = Array.from({ length: 100 }, (_, i) => pong(i));
    expect(await client.messages()).toEqual([joined, ...pongs]);
  });

  it("with an empty line at its end ends the session: that is an empty binary message", async () => {
    const { port } = await serve();
    const client = await startPolling(port);
    expect((await client.postLines([text(join), ""])).status).toBe(410);
  });

  it("with a line that is neither is answered 400, once the lines before it are handled", async () => {
    const { port } = await serve();
    const client = await startPolling(port);
    const bad = '{"topic":"room:1","event":"phx_join","payload":{},"ref":"1"}';
    const reply = await client.postLines([text(join), bad, ping(2)]);
    expect(reply).toMatchObject({ http: 400, headers: { "access-control-allow-origin": "*" } });
    expect(await client.messages()).toEqual([joined]);
  });

  it("of 8 MB is taken, of more it is answered 400", async () => {
    const { port } = await serve();
    const client = await startPolling(port);
    await client.post(join);
    await client.get();
    const frame = (bytes: number) => {
      const bare = text(["1", "2", "room:1", "phx_leave", ""]);
      return text(["1", "2", "room:1", "phx_leave", "x".repeat(bytes - bare.length)]);
    };
    expect(await postRaw(port, client.token, { body: frame(8_000_001) })).toMatchObject({ http: 400 });
    expect((await postRaw(port, client.token, { body: frame(8_000_000) })).status).toBe(200);
    expect(await client.messages()).toEqual([answer("1", "2", "room:1", "ok"), closeFrame("1", "room:1")]);
  });
});

describe("the origin", () => {
  it("is checked before everything else, whatever the method", async () => {
    const { port, endpoint } = await serve(true, { checkOrigin: ["//a.com"] });
    for (const method of ["GET", "POST", "OPTIONS", "PUT"]) {
      const { headers, ...reply } = await askPoll(port, target, {
        method,
        headers: { origin: "https://b.com" },
      });
      expect(reply).toEqual({ http: 200, status: 403 });
      expect(headers["access-control-allow-origin"]).toBe("*");
    }
    expect((await askPoll(port, target, { headers: { origin: "https://a.com" } })).status).toBe(410);
    expect(endpoint.stats().connects_total).toBe(1);
  });
});

describe("other methods", () => {
  it("OPTIONS tells browsers what they may send", async () => {
    const { port } = await serve();
    const headers = { "access-control-request-headers": "content-type, x-phoenix-longpoll-token" };
    const reply = await ask(port, target, { method: "OPTIONS", headers });
    expect(reply).toMatchObject({ status: 200, body: "" });
    expect(reply.headers).toMatchObject({
      "access-control-allow-origin": "*",
      "access-control-allow-headers": "content-type, x-phoenix-longpoll-token",
      "access-control-allow-methods": "get, post, options",
      "access-control-max-age": "3600",
    });
  });

  it.each(["PUT", "DELETE", "HEAD", "PATCH"])("%s is answered 400 without a body", async (method) => {
    const { port } = await serve();
    expect(await ask(port, target, { method })).toMatchObject({ status: 400, body: "" });
  });
});

describe("the end of a session", () => {
  it.each<[string, (endpoint: Awaited<ReturnType<typeof serve>>["endpoint"]) => unknown]>([
    ["a disconnect", (endpoint) => endpoint.disconnect("u1")],
    ["a drain", (endpoint) => endpoint.drain()],
  ])("by %s is told to who polls, and to who polls next", async (_what, end) => {
    const { port, endpoint } = await serve();
    const client = await startPolling(port, `${target}&id=u1`);
    const idle = await startPolling(port, `${target}&id=u1`);
    const reply = client.get();
    await until(() => endpoint.stats().polls_waiting === 1, "the poll waits");
    await end(endpoint);
    expect(await reply).toMatchObject({ http: 200, status: 500 });
    expect((await idle.post(join)).status).toBe(410);
    const next = await idle.get();
    expect(next).toMatchObject({ status: 410, messages: [] });
    expect(next.token).not.toBe(idle.token);
  });

  it("comes with a binary message from the server, which cannot be polled", async () => {
    const { port, endpoint } = await serve();
    const client = await startPolling(port);
    await client.post(join);
    await client.post(["1", "2", "room:1", "bytes", {}]);
    expect((await client.get()).status).toBe(500);
    expect((await client.get()).status).toBe(410);
    expect(endpoint.stats().channels).toBe(0);
  });

  it("comes when more waits for the client than its queue may hold", async () => {
    const { port, endpoint } = await serve(true, { limits: { queueBytesMax: 10_000 } });
    const client = await startPolling(port);
    await client.post(join);
    const big = "x".repeat(3_000);
    for (let i = 0; i < 3; i++) await client.post(["1", String(i), "room:1", "ping", big]);
    expect(await client.messages()).toHaveLength(4);
    for (let i = 0; i < 5; i++) await client.post(["1", String(i), "room:1", "ping", big]);
    expect((await client.get()).status).toBe(410);
    expect(endpoint.stats()).toMatchObject({ slow_readers_total: 1, channels: 0 });
  });

  it("comes with the end of the endpoint, and waits for nobody", async () => {
    const { port, endpoint } = await serve();
    const client = await startPolling(port);
    // A client that would keep its connection.
    const headers = { "x-phoenix-longpoll-token": client.token };
    const reply = fetch(`http://127.0.0.1:${port}${target}`, { headers });
    await until(() => endpoint.stats().polls_waiting === 1, "the poll waits");
    const stopped = endpoint.stop();
    const answered = await reply;
    expect(await answered.json()).toEqual({ status: 500 });
    expect(answered.headers.get("connection")).toBe("close");
    await stopped;
  });
});

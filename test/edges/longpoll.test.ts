import { describe, expect, it } from "vitest";
import type { EndpointOptions } from "../../src/create-endpoint.js";
import { phoenixToken } from "../../src/edges/system/phoenix-token.js";
import type { ConnectRequest } from "../../src/runtime/connect-request.js";
import type { LongPollOptions, MountOptions } from "../../src/runtime/endpoint-options.js";
import { ok, type Reply } from "../../src/runtime/result.js";
import { accept, refuse, socket } from "../../src/runtime/socket-definition.js";
import { replyFrame as answer } from "../support/channel-client.js";
import { useEndpoints } from "../support/endpoints.js";
import { ask } from "../support/http.js";
import { hubEngine } from "../support/hub-engine.js";
import { abandonedPoll, poller, startPolling } from "../support/poll-client.js";
import { until } from "../support/wait.js";
import { askPoll } from "../support/wire-client.js";

const start = useEndpoints();
const target = "/socket/longpoll?vsn=2.0.0";
const secret = "a secret of enough bytes for tests";

/** Lets the joins of `room:wait` go on. */
const waiting: (() => void)[] = [];
const asked: ConnectRequest[] = [];
const users = socket({
  connect(request) {
    asked.push(request);
    if (request.params.refuse !== undefined) return refuse("because");
    if (request.params.crash !== undefined) throw new Error("connect crashed as it was asked to");
    return accept({ id: request.params.id });
  },
  // What the client sends may be no text: the check of ids is at stake.
  id: ({ assigns }) => assigns.id as string | undefined,
});
const room = users.channel({
  join(ch) {
    if (ch.topic !== "room:wait") return ok();
    return new Promise<Reply>((resolve) => void waiting.push(() => resolve(ok())));
  },
  in: {
    ping: (_ch, payload) => ok(payload),
    bytes: (ch) => ch.push("bytes", new Uint8Array([1])),
    many(ch) {
      for (let i = 0; i < 3; i++) ch.push("n", { i });
    },
  },
});

function serve(
  longpoll: LongPollOptions | true = true,
  mount: Partial<MountOptions> = {},
  options: Partial<EndpointOptions> = {},
) {
  asked.length = 0;
  waiting.length = 0;
  const socketOptions = { socket: users.routes({ "room:*": room }), longpoll, ...mount };
  return start({ sockets: { "/socket": socketOptions }, secretKeyBase: secret, ...options });
}

const joined = (topic = "room:1") => answer("1", "1", topic, "ok");
const join = ["1", "1", "room:1", "phx_join", {}];

describe("a first poll", () => {
  it("opens a session, and says so with 410 and a token", async () => {
    const { port, endpoint } = await serve();
    const reply = await askPoll(port, `${target}&a[b]=1`, { headers: { "x-one": "1" } });
    expect(reply).toMatchObject({ http: 200, status: 410, token: expect.any(String), messages: [] });
    expect(reply.headers).toMatchObject({
      "access-control-allow-origin": "*",
      "content-type": "application/json; charset=utf-8",
      "cache-control": "no-store",
      "x-simurgh-node": endpoint.name,
    });
    expect(asked).toMatchObject([
      { transport: "longpoll", params: { vsn: "2.0.0", a: { b: "1" } }, authToken: undefined },
    ]);
    expect(asked[0]?.info.xHeaders).toEqual({ "x-one": "1" });
    expect(endpoint.stats()).toMatchObject({ connections: 1, connects_total: 1 });
  });

  it.each(["vsn=3.0.0", "vsn=2.0.0&refuse=1", "vsn=2.0.0&id[a]=1"])(
    "is refused with 403: %s",
    async (query) => {
      const { port, endpoint } = await serve(true, { errorHandler: () => ({ status: 418, body: "teapot" }) });
      const { headers, ...reply } = await askPoll(port, `/socket/longpoll?${query}`);
      expect(reply).toEqual({ http: 200, status: 403 });
      expect(headers["access-control-allow-origin"]).toBe("*");
      expect(endpoint.stats()).toMatchObject({ connections: 0, refused_connects_total: 1 });
    },
  );

  it("is answered 500 when connect crashes", async () => {
    const { port } = await serve();
    expect(await askPoll(port, `${target}&crash=1`)).toMatchObject({ http: 500, status: 500 });
  });

  it("is answered 500 where there are too many sessions, and an end makes room", async () => {
    const { port, endpoint } = await serve({ sessionsMax: 2 });
    const first = await askPoll(port, `${target}&id=first`);
    expect(first.status).toBe(410);
    expect((await askPoll(port, target)).status).toBe(410);
    expect(await askPoll(port, target)).toMatchObject({ http: 503, status: 500 });
    endpoint.disconnect("first");
    expect((await askPoll(port, target)).status).toBe(410);
  });

  it.each([
    [true, "plain text"],
    [false, undefined],
  ])("brings the auth token of its header where the mount has authToken: %s", async (authToken, wanted) => {
    const { port } = await serve(true, { authToken });
    const headers = { "x-phoenix-authtoken": "plain text", "sec-websocket-protocol": "anything" };
    expect((await askPoll(port, target, { headers })).status).toBe(410);
    expect(asked[0]?.authToken).toBe(wanted);
    expect(asked[0]?.info.xHeaders).toEqual({});
  });

  it("is not ours where the mount has no long poll, and the mount may have it alone", async () => {
    const { port } = await start({ sockets: { "/a": users.routes({}) } });
    expect((await ask(port, "/a/longpoll")).status).toBe(404);
    const other = await serve({ path: "/lp" }, { websocket: false });
    expect((await askPoll(other.port, "/socket/lp?vsn=2.0.0")).status).toBe(410);
    expect((await ask(other.port, "/socket/websocket")).status).toBe(404);
  });
});

describe("a poll", () => {
  it("brings what has waited, in order, with the same token", async () => {
    const { port } = await serve();
    const client = await startPolling(port);
    await client.post(join);
    await client.post(["1", "2", "room:1", "many", {}]);
    const reply = await client.get();
    expect(reply).toMatchObject({ http: 200, status: 200, token: client.token });
    expect(reply.messages?.map((text) => JSON.parse(text))).toEqual([
      joined(),
      ...[0, 1, 2].map((i) => ["1", null, "room:1", "n", { i }]),
    ]);
  });

  it("waits for what comes", async () => {
    const { port, endpoint } = await serve();
    const client = await startPolling(port);
    await client.post(join);
    await client.get();
    const reply = client.messages();
    await until(() => endpoint.stats().polls_waiting === 1, "the poll waits");
    endpoint.broadcast("room:1", "late", { x: 1 });
    expect(await reply).toEqual([[null, null, "room:1", "late", { x: 1 }]]);
  });

  it("brings 204 when nothing comes within the window", async () => {
    const { port } = await serve({ windowMs: 500 });
    const client = await startPolling(port);
    const { headers: _, ...reply } = await client.get();
    expect(reply).toEqual({ http: 200, status: 204, token: client.token, messages: [] });
  });

  it("that its client gives up takes nothing with it", async () => {
    const { port, endpoint } = await serve();
    const client = await startPolling(port);
    await client.post(join);
    await client.get();
    const poll = abandonedPoll(port, target, client.token);
    await until(() => endpoint.stats().polls_waiting === 1, "the poll waits");
    await poll.abandon();
    await until(() => endpoint.stats().polls_waiting === 0, "the node knows");
    endpoint.broadcast("room:1", "late", {});
    expect(await client.messages()).toEqual([[null, null, "room:1", "late", {}]]);
  });

  it("with a token in the header wins over one in the query", async () => {
    const { port } = await serve();
    const client = await startPolling(port);
    await client.post(join);
    const other = await startPolling(port);
    const both = poller(port, `${target}&token=${other.token}`, client.token);
    expect(await both.messages()).toEqual([joined()]);
    await client.post(["1", "2", "room:1", "ping", {}]);
    const reply = await askPoll(port, `${target}&token=${client.token}`);
    expect(reply).toMatchObject({ status: 200, token: client.token });
  });
});

describe("the topics by which nodes ask each other", () => {
  it("are no client's to join, whatever the routes", async () => {
    const mount = { socket: users.routes({ "*": room }), longpoll: true };
    const { port } = await start({ sockets: { "/socket": mount } });
    const client = await startPolling(port);
    const topics = [`phx:lp:${"x".repeat(24)}`, `phx:lp:answers:${"x".repeat(24)}`];
    for (const topic of topics) await client.post(["1", "1", topic, "phx_join", {}]);
    const refused = topics.map((topic) => answer(null, "1", topic, "error", { reason: "unmatched topic" }));
    expect(await client.messages()).toEqual(refused);
  });
});

describe("a token", () => {
  const salt = "simurgh long poll /socket";

  it.each<[string, (token: string) => string]>([
    ["that is none", () => "nonsense"],
    ["that is empty", () => ""],
    ["whose signature was cut", (token) => token.slice(0, -1)],
    ["whose text was changed", (token) => token.replace(/\.(.)/, (_, c) => `.${c === "A" ? "B" : "A"}`)],
    ["without its signature", (token) => token.split(".").slice(0, 2).join(".")],
    ["of another secret", () => phoenixToken({ secret: "x".repeat(20), salt }).sign(["v1", "n", "t"])],
    ["of another mount", () => phoenixToken({ secret, salt: `${salt}2` }).sign(["v1", "n", "t"])],
    ["of another form", () => phoenixToken({ secret, salt }).sign(["v2", "n", "t"])],
    ["that is signed over no text", () => phoenixToken({ secret, salt }).sign([1, 2, 3])],
    [
      "of a session that is gone",
      () => phoenixToken({ secret, salt }).sign(["v1", "n1@test", "phx:lp:gone"]),
    ],
  ])("%s brings a new session, and a post to it 410", async (_what, change) => {
    const { port, endpoint } = await serve(true, {}, { name: "n1@test" });
    const client = await startPolling(port);
    await client.post(join);
    const forged = poller(port, target, change(client.token));
    expect((await forged.post(join)).status).toBe(410);
    const reply = await forged.get();
    expect(reply).toMatchObject({ status: 410, messages: [] });
    expect(reply.token).not.toBe(client.token);
    expect(endpoint.stats().connections).toBe(2);
    expect(await client.messages()).toEqual([joined()]);
  });

  it("is good for its time only", async () => {
    const { port } = await serve({ tokenMaxAgeS: 100 });
    const client = await startPolling(port);
    const tokens = phoenixToken({ secret, salt });
    const verified = tokens.verify(client.token);
    const aged = (seconds: number) => {
      const signedAtSeconds = Date.now() / 1000 - seconds;
      return poller(port, target, tokens.sign(verified.ok ? verified.data : [], { signedAtSeconds }));
    };
    expect((await aged(90).post(join)).status).toBe(200);
    expect((await aged(110).post(join)).status).toBe(410);
  });

  it("may be signed with an earlier secret", async () => {
    const { port } = await serve(true, {}, { secretKeyBase: ["b".repeat(20), "a".repeat(20)] });
    const client = await startPolling(port);
    expect(phoenixToken({ secret: "b".repeat(20), salt }).verify(client.token)).toMatchObject({ ok: true });
    const tokens = phoenixToken({ secret: "a".repeat(20), salt });
    const verified = phoenixToken({ secret: "b".repeat(20), salt }).verify(client.token);
    const old = poller(port, target, tokens.sign(verified.ok ? verified.data : []));
    expect((await old.post(join)).status).toBe(200);
  });

  it("needs a secret that linked nodes share", async () => {
    const pubsub = (await hubEngine().createCluster()).createAdapter();
    const sockets = { "/socket": { socket: users.routes({}), longpoll: true } };
    await expect(start({ sockets, pubsub })).rejects.toMatchObject({ code: "endpoint_config_invalid" });
    await expect(start({ sockets, secretKeyBase: "short" })).rejects.toMatchObject({
      code: "token_config_invalid",
    });
    const { port } = await start({ sockets });
    expect((await askPoll(port, target)).status).toBe(410);
  });
});

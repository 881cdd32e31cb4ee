import { describe, expect, it } from "vitest";
import type { TokenVerifier, Verification } from "../../src/contracts/token.js";
import type { TokenLifeOptions } from "../../src/runtime/auth/auth-options.js";
import { ok } from "../../src/runtime/result.js";
import { accept, socket } from "../../src/runtime/socket-definition.js";
import { type Claims, jsonToken, jsonVerifier, withToken } from "../support/json-tokens.js";
import { type FakeClient, heads, startNode, turn } from "../support/node.js";

const DAY_S = 86_400;

/** A node whose sockets live by their tokens, and what ends there. */
async function start(options: TokenLifeOptions & { verifier?: TokenVerifier; required?: boolean } = {}) {
  const ends: string[] = [];
  const users = socket({
    auth: { verifier: jsonVerifier, ...options },
    connect: () => accept(),
  });
  const room = users.channel({
    join: () => ok(),
    in: { ping: (_ch, payload) => ok(payload), new_msg: () => ok() },
    terminate: (ch, { kind }) => void ends.push(`${ch.topic} ${kind}`),
  });
  const node = await startNode(users.routes({ "room:*": room }), {
    checkOrigin: false,
    // These clients say nothing for weeks.
    websocket: { timeoutMs: 100 * DAY_S * 1_000 },
  });
  const nowS = node.clock.now() / 1_000;
  const token = (claims: Claims = {}) => jsonToken({ sub: "ada", iat: nowS, exp: nowS + 120, ...claims });
  return {
    ...node,
    nowS,
    ends,
    token,
    connectWith: (claims: Claims = {}) => node.connect(withToken(token(claims))),
  };
}

/** What comes of sending a token on a topic. */
async function renew(client: FakeClient, text: unknown, topic = "phoenix", joinRef: string | null = null) {
  client.send([joinRef, "r", topic, "access_token", { access_token: text } as never]);
  return client.received();
}

const reply = (status: string, response: object, topic = "phoenix", joinRef: string | null = null) => [
  joinRef,
  "r",
  topic,
  "phx_reply",
  { status, response },
];

describe("a token on a live socket", () => {
  it("is announced to expire, and closes the socket with 4001 when it has", async () => {
    const node = await start();
    const client = await node.connectWith();
    await client.join("room:1");
    await node.clock.advance(59_000);
    expect(await client.received()).toEqual([]);
    await node.clock.advance(1_000);
    expect(await client.received()).toEqual([
      [null, null, "phoenix", "token_expiring", { expires_at: node.nowS + 120, expires_in_ms: 60_000 }],
    ]);
    await node.clock.advance(59_000);
    expect(client.sink.closing).toBeUndefined();
    await node.clock.advance(2_000);
    await turn();
    expect(client.sink.closing).toEqual({ code: 4001, reason: "token expired" });
    expect(node.ends).toEqual(["room:1 closed"]);
    expect(node.core.counters).toMatchObject({ connections: 0, expired_closes_total: 1 });
  });

  it("is announced at once when it is nearly over, and never when that is turned off", async () => {
    const node = await start();
    const client = await node.connectWith({ exp: node.nowS + 10 });
    await node.clock.advance(1_000);
    expect(heads(await client.received())).toEqual(["null null phoenix token_expiring"]);
    const quiet = await start({ warningLeadMs: 0 });
    const other = await quiet.connectWith();
    await quiet.clock.advance(119_000);
    expect(await other.received()).toEqual([]);
    await quiet.clock.advance(2_000);
    expect(other.sink.closing?.code).toBe(4001);
  });

  it("keeps its socket for longer than a timer of Node can wait, by one timer for all", async () => {
    const node = await start();
    const timers = node.clock.pending;
    const client = await node.connectWith({ exp: node.nowS + 40 * DAY_S, iat: node.nowS + 27 * DAY_S });
    for (let i = 0; i < 10; i++) await node.connectWith();
    expect(node.clock.pending).toBe(timers);
    node.clock.skip(40 * DAY_S * 1_000 - 60_000);
    await node.clock.advance(1_000);
    expect(heads(await client.received())).toEqual(["null null phoenix token_expiring"]);
    expect(client.sink.closing).toBeUndefined();
    await node.clock.advance(60_000);
    expect(client.sink.closing?.code).toBe(4001);
  });

  it("is taken for expired when it is older than tokens may become", async () => {
    const node = await start();
    const old = await node.mount.connect({
      ...{ transport: "websocket", method: "GET", target: "/socket/websocket?vsn=2.0.0", secure: false },
      ...{
        headers: { "sec-websocket-protocol": "" },
        peer: { address: "192.0.2.7", port: 1 },
        pathParams: {},
      },
      ...withToken(node.token({ iat: node.nowS - 15 * DAY_S, exp: node.nowS + DAY_S })),
    });
    expect(old).toMatchObject({ kind: "refused", token: "expired", answer: { status: 401 } });
    const client = await node.connectWith({ exp: undefined as never });
    node.clock.skip(14 * DAY_S * 1_000);
    await node.clock.advance(2_000);
    expect(client.sink.closing?.code).toBe(4001);
  });

  it("closes thousands in their turn, none twice", async () => {
    const node = await start({ warningLeadMs: 0 });
    const clients = await Promise.all(Array.from({ length: 2_500 }, () => node.connectWith()));
    await node.clock.advance(121_000);
    for (let i = 0; i < 4; i++) await turn();
    expect(clients.filter(({ sink }) => sink.closing?.code === 4001)).toHaveLength(2_500);
    expect(node.core.counters).toMatchObject({ connections: 0, expired_closes_total: 2_500 });
  });

  it("costs no more once its socket is gone", async () => {
    const node = await start();
    (await node.connectWith()).hangUp();
    expect(node.core.auth.lives.size).toBe(0);
  });

  it("is not asked of a guest, where none is required", async () => {
    const node = await start({ required: false, permissions: "permissions" });
    const guest = await node.connect();
    expect(heads(await guest.join("room:1"))).toEqual(["1 1 room:1 phx_reply error"]);
    node.clock.skip(30 * DAY_S * 1_000);
    await node.clock.advance(2_000);
    expect(guest.sink.closing).toBeUndefined();
    const late = { iat: node.nowS + 30 * DAY_S, exp: node.nowS + 31 * DAY_S };
    expect(await renew(guest, node.token(late))).toEqual([reply("error", { reason: "token other subject" })]);
  });
});

describe("renewing a token", () => {
  it("works on the socket's own topic, and is warned of anew", async () => {
    const node = await start();
    const client = await node.connectWith();
    await node.clock.advance(60_000);
    await client.received();
    const answer = await renew(client, node.token({ exp: node.nowS + 300 }));
    expect(answer).toEqual([reply("ok", { expires_at: node.nowS + 300 })]);
    await node.clock.advance(180_000);
    expect(heads(await client.received())).toEqual(["null null phoenix token_expiring"]);
    await node.clock.advance(62_000);
    expect(client.sink.closing?.code).toBe(4001);
    expect(node.core.counters.token_refreshes_total).toBe(1);
  });

  it("works on any channel, and no handler hears of it", async () => {
    const node = await start();
    const client = await node.connectWith();
    await client.join("room:1", "4");
    const answer = await renew(client, node.token({ exp: node.nowS + 300 }), "room:1", "4");
    expect(answer).toEqual([reply("ok", { expires_at: node.nowS + 300 }, "room:1", "4")]);
    expect(await renew(client, node.token(), "room:1", "3")).toEqual([]);
    expect(await renew(client, node.token(), "room:2", "4")).toEqual([
      reply("error", { reason: "unmatched topic" }, "room:2"),
    ]);
    expect(node.core.counters.channel_crashes_total).toBe(0);
  });

  it.each([
    ["nothing", undefined, "token missing"],
    ["null", null, "token missing"],
    ["an empty text", "", "token missing"],
    ["a number", 7, "token missing"],
    ["a list", [], "token missing"],
    ["nonsense", "nonsense", "token invalid"],
    ["a text too long", "x".repeat(8_193), "token too large"],
    ["a token of somebody else", jsonToken({ sub: "grace", exp: 9_999_999_999 }), "token other subject"],
    ["a token of nobody", jsonToken({ exp: 9_999_999_999 }), "token other subject"],
    ["an expired token", jsonToken({ sub: "ada", exp: 1 }), "token expired"],
  ])("with %s is refused, and the old one stays", async (_what, text, reason) => {
    const node = await start();
    const client = await node.connectWith();
    expect(await renew(client, text)).toEqual([reply("error", { reason })]);
    expect(client.sink.closing).toBeUndefined();
    await node.clock.advance(122_000);
    expect(client.sink.closing?.code).toBe(4001);
  });

  it.each([["[]"], ["7"], ["null"], ['"text"'], ['{"__proto__":{"access_token":"x"}}']])(
    "with a payload of %s is refused",
    async (payload) => {
      const node = await start();
      const client = await node.connectWith();
      client.send(`[null,"r","phoenix","access_token",${payload}]`);
      expect(await client.received()).toEqual([reply("error", { reason: "token missing" })]);
    },
  );

  it("by the same text on many channels is judged once, by many texts one after the other", async () => {
    const judged: string[] = [];
    const release: ((verification: Verification) => void)[] = [];
    const node = await start({
      verifier: {
        verify(text) {
          judged.push(text);
          if (judged.length === 1) return jsonVerifier.verify(text);
          return new Promise((resolve) => release.push(resolve));
        },
      },
    });
    const client = await node.connectWith();
    for (const topic of ["1", "2", "3"]) await client.join(`room:${topic}`, topic);
    const [one, two] = [node.token({ jti: "1" }), node.token({ jti: "2" })];
    for (const topic of ["1", "2", "3"]) await renew(client, one, `room:${topic}`, topic);
    for (const text of [two, "a", "b", "c", "d"]) await renew(client, text);
    expect(judged).toEqual([node.token(), one]);
    release[0]?.(await jsonVerifier.verify(one));
    expect(heads(await client.received())).toEqual([1, 2, 3].map((n) => `${n} r room:${n} phx_reply ok`));
    expect(judged.slice(2)).toEqual([two]);
    expect(client.session.ended).toBe(false);
  });

  it("beyond a few that wait says so", async () => {
    let connected = false;
    const verifier: TokenVerifier = {
      verify: (text) => (connected ? new Promise(() => {}) : jsonVerifier.verify(text)),
    };
    const node = await start({ verifier });
    const client = await node.connectWith();
    connected = true;
    for (const text of ["1", "2", "3", "4"]) expect(await renew(client, text)).toEqual([]);
    expect(await renew(client, "5")).toEqual([reply("error", { reason: "too many tokens" })]);
  });

  it("in time keeps the socket while the new token is judged, for a while", async () => {
    let connected = false;
    const release: ((verification: Verification) => void)[] = [];
    const verifier: TokenVerifier = {
      verify: (text) =>
        connected ? new Promise((resolve) => release.push(resolve)) : jsonVerifier.verify(text),
    };
    const node = await start({ verifier, warningLeadMs: 0 });
    const [quick, slow] = [await node.connectWith(), await node.connectWith()];
    connected = true;
    await node.clock.advance(119_000);
    const text = node.token({ exp: node.nowS + 300 });
    for (const client of [quick, slow]) await renew(client, text);
    await node.clock.advance(5_000, turn);
    release[0]?.(await jsonVerifier.verify(text));
    expect(heads(await quick.received())).toEqual(["null r phoenix phx_reply ok"]);
    await node.clock.advance(10_000, turn);
    expect(quick.sink.closing).toBeUndefined();
    expect(slow.sink.closing?.code).toBe(4001);
  });

  it("when the check crashes or takes for ever is refused as unavailable", async () => {
    const ways: Record<string, () => Promise<Verification>> = {
      crash: () => Promise.reject(new Error("boom")),
      hang: () => new Promise(() => {}),
    };
    const node = await start({ verifier: { verify: (text) => ways[text]?.() ?? jsonVerifier.verify(text) } });
    const client = await node.connectWith();
    const unavailable = [reply("error", { reason: "token unavailable" })];
    expect(await renew(client, "crash")).toEqual(unavailable);
    expect(await renew(client, "hang")).toEqual([]);
    await node.clock.advance(10_000);
    expect(await client.received()).toEqual(unavailable);
    expect(JSON.stringify(node.logger.lines)).toContain("boom");
  });

  it("writes no token to the log", async () => {
    const node = await start();
    const client = await node.connectWith({ secret: "s3cret" });
    for (const text of [
      "s3cret",
      node.token({ sub: "s3cret" }),
      jsonToken({ sub: "ada", exp: 1, s3cret: 1 }),
    ])
      for (let i = 0; i < 5; i++) await renew(client, text);
    await node.clock.advance(200_000);
    expect(JSON.stringify(node.logger.lines)).not.toContain("s3cret");
  });
});

describe("a client that keeps showing a dead token", () => {
  it("waits ever longer for its refusal, on its socket", async () => {
    const node = await start();
    const client = await node.connectWith({ exp: node.nowS + 3_600 });
    const dead = jsonToken({ sub: "ada", exp: 1 });
    const expired = [reply("error", { reason: "token expired" })];
    for (let i = 0; i < 2; i++) expect(await renew(client, dead)).toEqual(expired);
    for (const delayMs of [500, 1_000, 2_000, 4_000, 8_000, 8_000]) {
      expect(await renew(client, dead)).toEqual([]);
      await node.clock.advance(delayMs - 1);
      expect(await client.received()).toEqual([]);
      await node.clock.advance(1);
      const refusal = { reason: "token replayed", cause: "token expired", retry_after_ms: delayMs };
      expect(await client.received()).toEqual([reply("error", refusal)]);
    }
    expect(await renew(client, node.token({ exp: node.nowS + 7_200 }))).toEqual([
      reply("ok", { expires_at: node.nowS + 7_200 }),
    ]);
    expect(node.core.counters).toMatchObject({ replayed_tokens_total: 6, refused_refreshes_total: 8 });
  });

  it("waits ever longer for its refusal when it connects, and another one does not", async () => {
    const node = await start();
    const dead = withToken(node.token({ exp: node.nowS - 1 }));
    await expect(node.connect(dead)).rejects.toThrow("refused with 401");
    await expect(node.connect(dead)).rejects.toThrow("refused with 401");
    for (const delayMs of [500, 1_000]) {
      let answered = false;
      const refused = expect(node.connect(dead)).rejects.toThrow("refused with 429");
      void refused.then(() => {
        answered = true;
      });
      await turn();
      await node.clock.advance(delayMs - 1, turn);
      expect(answered).toBe(false);
      await node.clock.advance(1);
      await refused;
    }
    await node.connectWith();
    await expect(node.connect(withToken("nonsense"))).rejects.toThrow("refused with 401");
    expect(node.core.counters).toMatchObject({ refused_tokens_total: 5, replayed_tokens_total: 2 });
  });
});

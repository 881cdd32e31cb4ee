import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { byKey, bySecret, forge } from "../support/jwts.js";
import { poller } from "../support/poll-client.js";
import type { RawWebSocket } from "../support/raw-websocket.js";
import {
  byHeader,
  byProtocol,
  claims,
  esToken,
  hsToken,
  impostor,
  type Line,
  leaksIn,
  nowS,
  phoenixTokens,
  refusedLine,
  secrets,
  TokenServer,
} from "../support/token-server.js";
import { until } from "../support/wait.js";
import { askPoll } from "../support/wire-client.js";

let server: TokenServer;
/** All tokens that the server has seen, those of long poll included. */
const shown: string[] = [];
const show = (token: string): string => {
  shown.push(token);
  return token;
};

beforeAll(async () => {
  server = await TokenServer.start();
}, 60_000);

afterAll(() => server.stop());

const REFUSED = [401, 'Bearer error="invalid_token"', ""];

/** The answer to a push, without its frame. */
async function push(raw: RawWebSocket, event: string, payload: unknown, topic = "room:1"): Promise<unknown> {
  const ref = `ref-${raw.frames.length}-${event}`;
  raw.message(topic === "phoenix" ? null : "1", ref, topic, event, payload);
  const reply = () => raw.messages.find((message) => (message as unknown[])[1] === ref);
  await until(() => reply() !== undefined || raw.closed, `the reply to ${event}`, 20_000);
  return (reply() as unknown[] | undefined)?.[4];
}

const renew = (raw: RawWebSocket, token: unknown, topic = "room:1") =>
  push(raw, "access_token", { access_token: token }, topic);

/** Waits for the end, and gives code and reason. */
async function endOf(raw: RawWebSocket): Promise<string> {
  const code = await raw.ended();
  const close = raw.frames.find(({ opcode }) => opcode === 8);
  return `${code} ${close?.payload.subarray(2).toString()}`;
}

const whoami = (raw: RawWebSocket) => push(raw, "whoami", {});
const isUser = (user: string) => ({ status: "ok", response: { user } });

describe("the life of a JWT on a socket", () => {
  it("is told to end, goes on by renewal, loses what the new one does not grant, and ends by revocation", async () => {
    const from = await server.logLength();
    const first = show(esToken({ sub: "ann", exp: nowS() + 5 }));
    const second = show(esToken({ sub: "ann", exp: nowS() + 500, permissions: { "room:1": ["*"] } }));
    const ann = await server.joined("/es", first);
    ann.message("2", "2", "room:2", "phx_join", {});
    const saw = (event: string) =>
      ann.messages.map((one) => one as unknown[]).find((one) => one[3] === event);
    const warning = await until(() => saw("token_expiring"), "the warning");
    expect(warning.slice(0, 3)).toEqual([null, null, "phoenix"]);
    expect(warning[4]).toMatchObject({ expires_at: expOf(first) });
    expect(await renew(ann, second)).toEqual({ status: "ok", response: { expires_at: expOf(second) } });
    expect(await until(() => saw("phx_close"), "the lost channel")).toEqual([
      "2",
      "2",
      "room:2",
      "phx_close",
      { reason: "permission lost" },
    ]);
    await until(() => nowS() > expOf(first) + 1, "the end of the first token");
    expect(await whoami(ann)).toEqual(isUser("ann"));
    expect((await server.websocket("/es", byProtocol(first)))[0]).toBe(401);
    await server.revoke({ tokenId: idOf(second) });
    expect(await endOf(ann)).toBe("4003 token revoked");
    expect(await server.websocket("/es", byProtocol(second))).toEqual(REFUSED);
    expect(await server.logSince(from)).toEqual([
      refusedLine("/es", "expired", "websocket"),
      refusedLine("/es", "revoked", "websocket"),
    ]);
  });

  it("that nobody renews ends with 4001, on a socket and on a session of long poll, and nowhere else", async () => {
    const from = await server.logLength();
    const lasting = await server.joined("/es", show(esToken()));
    const outlive = async (mount: string, token: string) => {
      const polling = await startSession(mount, token);
      const raw = await server.joined(mount, token);
      expect(await endOf(raw)).toBe("4001 token expired");
      await until(async () => (await polling.get()).status === 403, "the session is over");
      // Its own token is still good; the session is not.
      expect(await polling.post(["1", "1", "room:1", "whoami", {}])).toMatchObject({ status: 410 });
    };
    const exp = nowS() + 4;
    await Promise.all([outlive("/hs", show(hsToken({ exp }))), outlive("/es", show(esToken({ exp })))]);
    expect(await lasting.alive()).toBe(true);
    lasting.destroy();
    const told = await server.logSince(from);
    expect(told.filter(({ message }) => message !== "token refused")).toEqual([]);
  });
});

/** Opens a session of long poll. */
async function startSession(mount: string, token: string) {
  const target = `${mount}/longpoll?vsn=2.0.0`;
  const opened = await askPoll(server.port, target, { headers: { ...byHeader(token).headers } });
  return poller(server.port, target, show(String(opened.token)));
}

const payloadOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
const expOf = (token: string) => Number(payloadOf(token).exp);
const idOf = (token: string) => String(payloadOf(token).jti);

describe("a renewal that is none", () => {
  type Attack = readonly [what: string, reason: string, token: () => unknown, told: string | undefined];
  const attacks: readonly Attack[] = [
    ["a token of another user", "token other subject", () => hsToken({ sub: "ann" }), "other_subject"],
    ["a token of nobody", "token other subject", () => hsToken({ sub: undefined }), "other_subject"],
    ["an expired one", "token expired", () => hsToken({ exp: nowS() - 1 }), "expired"],
    [
      "one that is not yet valid",
      "token not yet valid",
      () => hsToken({ nbf: nowS() + 60 }),
      "not_yet_valid",
    ],
    [
      "one of another issuer",
      "token wrong issuer",
      () => hsToken({ iss: "https://evil.example" }),
      "wrong_issuer",
    ],
    ["one for another audience", "token wrong audience", () => hsToken({ aud: "shop" }), "wrong_audience"],
    ["one with another signature", "token invalid", () => `${hsToken().slice(0, -4)}AAAA`, "invalid"],
    ["one of another mount", "token invalid", () => esToken(), "invalid"],
    ["one of Phoenix", "token invalid", () => phoenixTokens.sign("mallory"), "invalid"],
    [
      "one of algorithm none",
      "token invalid",
      () => forge({ alg: "none" }, claims(), () => Buffer.alloc(0)),
      "invalid",
    ],
    [
      "one with its own key",
      "token invalid",
      () => forge({ alg: "ES256", jwk: impostor.jwk }, claims(), byKey(impostor)),
      "invalid",
    ],
    ["one that is too large", "token too large", () => "x".repeat(1_000_000), "too_large"],
    ["nothing", "token missing", () => undefined, undefined],
    ["an empty text", "token missing", () => "", undefined],
    ["a number", "token missing", () => 1, undefined],
    ["a list", "token missing", () => [hsToken()], undefined],
    ["an object", "token missing", () => ({ toString: "x", length: 3 }), undefined],
  ];
  it.each(attacks)("is answered, and all stays as it was: %s", async (_what, reason, make, told) => {
    const raw = await server.joined("/hs", show(hsToken()));
    const from = await server.logLength();
    const token = make();
    if (typeof token === "string" && token.length < 20_000) show(token);
    for (const topic of ["room:1", "phoenix"])
      expect(await renew(raw, token, topic)).toEqual({ status: "error", response: { reason } });
    expect(await whoami(raw)).toEqual(isUser("mallory"));
    const line: Line = { level: "debug", message: "renewal refused", path: "/hs", reason: told };
    expect(await server.logSince(from)).toEqual(told === undefined ? [] : [line, line]);
    raw.destroy();
  });

  it("by keys that mean something to JavaScript finds no token", async () => {
    const raw = await server.joined("/hs", show(hsToken()));
    const missing = { status: "error", response: { reason: "token missing" } };
    const token = show(hsToken());
    expect(await push(raw, "access_token", JSON.parse(`{"__proto__":{"access_token":"${token}"}}`))).toEqual(
      missing,
    );
    expect(await push(raw, "access_token", [token])).toEqual(missing);
    raw.destroy();
  });

  it("with a revoked token is refused, as is coming back with it", async () => {
    const [first, second] = [show(hsToken()), show(hsToken())];
    const raw = await server.joined("/hs", first);
    const from = await server.logLength();
    await server.revoke({ tokenId: idOf(second) });
    expect(await renew(raw, second)).toEqual({ status: "error", response: { reason: "token revoked" } });
    expect(await whoami(raw)).toEqual(isUser("mallory"));
    expect(await server.websocket("/hs", byProtocol(second))).toEqual(REFUSED);
    expect(await server.logSince(from)).toEqual([
      { level: "debug", message: "renewal refused", path: "/hs", reason: "revoked" },
      refusedLine("/hs", "revoked", "websocket"),
    ]);
    raw.destroy();
  });

  it("again and again is answered ever later, and does not make the socket immortal", async () => {
    const raw = await server.joined("/hs", show(hsToken({ exp: nowS() + 4 })));
    const from = await server.logLength();
    const dead = show(hsToken({ exp: nowS() - 1 }));
    const answers: unknown[] = [];
    for (let i = 0; i < 5; i++) answers.push(await renew(raw, dead));
    const expired = { status: "error", response: { reason: "token expired" } };
    const replayed = (retry_after_ms: number) => ({
      status: "error",
      response: { reason: "token replayed", cause: "token expired", retry_after_ms },
    });
    expect(answers).toEqual([expired, expired, replayed(100), replayed(200), replayed(400)]);
    const keepOn = setInterval(
      () => raw.message("1", "x", "room:1", "access_token", { access_token: dead }),
      20,
    );
    expect(await endOf(raw)).toBe("4001 token expired");
    clearInterval(keepOn);
    const told = (await server.logSince(from)).filter(({ level }) => level === "info");
    const line = {
      level: "info",
      message: "dead token replayed",
      path: "/hs",
      reason: "expired",
      renewal: true,
    };
    expect(told.slice(0, 2)).toEqual([
      { ...line, refusals: 3, delayMs: 100 },
      { ...line, refusals: 4, delayMs: 200 },
    ]);
    expect(told.length).toBeLessThan(7);
  });

  it("by a hundred different tokens at once has four judged at a time", async () => {
    const raw = await server.joined("/hs", show(hsToken()));
    for (let i = 0; i < 100; i++)
      raw.message("1", `many-${i}`, "room:1", "access_token", {
        access_token: show(hsToken({ sub: "ann" })),
      });
    const replies = () =>
      raw.messages.flatMap((message) => {
        const [, ref, , , payload] = message as [
          string,
          string,
          string,
          string,
          { response: { reason: string } },
        ];
        return String(ref).startsWith("many-") ? [payload.response.reason] : [];
      });
    await until(() => replies().length === 100, "all answers");
    expect(new Set(replies())).toEqual(new Set(["too many tokens", "token other subject"]));
    expect(await whoami(raw)).toEqual(isUser("mallory"));
    raw.destroy();
  });
});

describe("a token that was called back", () => {
  it.each<[string, (token: string, user: string) => object]>([
    ["by its jti", (token) => ({ tokenId: idOf(token) })],
    ["by its user", (_token, user) => ({ user })],
    ["by its socket's id", (_token, user) => ({ socketId: `user:${user}` })],
    ["by its user, as issued before", (_token, user) => ({ user, issuedBefore: Date.now() - 1_000 })],
    ["as everything that was issued before", () => ({ issuedBefore: Date.now() - 7_000_000 })],
  ])("closes its socket with 4003, and does not let anybody in again: %s", async (what, revocation) => {
    const user = `user ${what}`;
    const token = show(hsToken({ sub: user, iat: nowS() - 7_200 }));
    const other = await server.joined("/hs", show(hsToken({ sub: "another user" })));
    const raw = await server.joined("/hs", token);
    const polling = await startSession("/hs", token);
    const from = await server.logLength();
    await server.revoke(revocation(token, user));
    expect(await endOf(raw)).toBe("4003 token revoked");
    await until(async () => (await polling.get()).status === 403, "the session is over");
    expect(await server.websocket("/hs", byProtocol(token))).toEqual(REFUSED);
    expect(await other.alive()).toBe(true);
    other.destroy();
    const told = (await server.logSince(from)).filter(({ transport }) => transport === "websocket");
    expect(told).toEqual([refusedLine("/hs", "revoked", "websocket")]);
  });

  it("that a client keeps showing is 429, ever later, and good ones do not wait with it", async () => {
    const token = show(hsToken({ sub: "stubborn" }));
    await server.revoke({ tokenId: idOf(token) });
    const from = await server.logLength();
    const replay = async () => {
      const beganMs = performance.now();
      const answer = await server.websocket("/hs", byProtocol(token));
      return [answer[0], Math.floor((performance.now() - beganMs) / 100)] as const;
    };
    const seen: (readonly [number, number])[] = [];
    for (let i = 0; i < 5; i++) seen.push(await replay());
    expect(seen.map(([status]) => status)).toEqual([401, 401, 429, 429, 429]);
    // A timer may be a millisecond early, and nothing is early by a whole step.
    const [third, fourth, fifth] = seen.slice(2).map(([, hundreds]) => hundreds);
    expect([Number(third) >= 0, Number(fourth) >= 1, Number(fifth) >= 3]).toEqual([true, true, true]);
    const storm = Array.from({ length: 200 }, () => server.websocket("/hs", byProtocol(token)));
    expect((await server.websocket("/hs", byProtocol(show(hsToken()))))[0]).toBe(101);
    const answers = await Promise.all(storm);
    expect(new Set(answers.map(([status]) => status))).toEqual(new Set([429]));
    expect(answers[0]?.[1]).toBe('Bearer error="invalid_token"');
    const told = (await server.logSince(from)).filter(({ message }) => message === "dead token replayed");
    expect(told.map(({ refusals }) => refusals)).toEqual([3, 4, 6, 10, 18, 34, 66, 130]);
    expect(told[0]).toEqual({
      level: "info",
      message: "dead token replayed",
      path: "/hs",
      reason: "revoked",
      transport: "websocket",
      refusals: 3,
      delayMs: 100,
    });
  });
});

describe("the long-poll session of another user", () => {
  const own = () => byHeader(show(hsToken())).headers ?? {};
  const target = "/hs/longpoll?vsn=2.0.0";

  /** A session of Ann's, in which something waits. */
  async function annPolls() {
    const ann = await startSession("/hs", show(hsToken({ sub: "ann" })));
    await ann.post(["1", "1", "room:ann", "phx_join", {}]);
    return ann;
  }

  it("is not reached by a forged token, with valid credentials of one's own", async () => {
    const ann = await annPolls();
    const mallory = await startSession("/hs", show(hsToken()));
    const from = await server.logLength();
    const [head = "", body = "", signature = ""] = ann.token.split(".");
    const [, ownBody = "", ownSignature = ""] = mallory.token.split(".");
    for (const forged of [
      `${head}.${body}.`,
      `${head}.${body}.${ownSignature}`,
      `${head}.${ownBody}.${signature}`,
      `${head}.${body}.${bySecret(secrets.hs)(Buffer.from(`${head}.${body}`), "HS256").toString("base64url")}`,
      ann.token.slice(0, -1),
      phoenixTokens.sign("ann"),
      hsToken({ sub: "ann" }),
      "x".repeat(10_000),
    ]) {
      const headers = { ...own(), "x-phoenix-longpoll-token": forged };
      const posted = await askPoll(server.port, target, {
        method: "POST",
        body: '["1","2","room:ann","say",{}]',
        headers,
      });
      expect(posted).toMatchObject({ status: 410 });
      // A GET makes a session of one's own, as a client whose session is gone wants it.
      const got = await askPoll(server.port, target, { headers });
      expect(got).toMatchObject({ status: 410, messages: [] });
      expect(got.token).not.toBe(ann.token);
    }
    expect(await ann.messages()).toMatchObject([["1", "1", "room:ann", "phx_reply", { status: "ok" }]]);
    expect(await server.logSince(from)).toEqual([]);
  });

  it("is not reached at another mount, nor without credentials, nor by its topic", async () => {
    const ann = await annPolls();
    const from = await server.logLength();
    const headers = { "x-phoenix-longpoll-token": ann.token };
    expect(await askPoll(server.port, "/es/longpoll?vsn=2.0.0", { headers })).toMatchObject({
      http: 401,
      status: 403,
    });
    const tampered = { "x-phoenix-longpoll-token": `${ann.token}x` };
    expect(await askPoll(server.port, target, { headers: tampered })).toMatchObject({
      http: 401,
      status: 403,
    });
    const topic = /phx:lp:[\w-]{24}/.exec(
      Buffer.from(ann.token.split(".")[1] ?? "", "base64url").toString("latin1"),
    )?.[0];
    const mallory = await server.joined("/hs", show(hsToken()));
    mallory.message("9", "9", topic, "phx_join", {});
    await until(() => mallory.messages.length > 1, "the answer");
    expect(JSON.stringify(mallory.messages[1])).toContain("unmatched topic");
    mallory.destroy();
    expect(await ann.messages()).toHaveLength(1);
    expect(await server.logSince(from)).toEqual([
      refusedLine("/es", "missing", "longpoll"),
      refusedLine("/hs", "missing", "longpoll"),
    ]);
  });
});

describe("after all attacks on sessions", () => {
  it("somebody with a good token is served, and the whole log has no secret, no token and no error", async () => {
    const ann = await server.joined("/es", show(esToken({ sub: "ann" })));
    expect(await whoami(ann)).toEqual(isUser("ann"));
    ann.destroy();
    const log = await server.logSince(0);
    expect(log.length).toBeGreaterThan(40);
    expect(log.filter(({ level }) => level === "error" || level === "warn")).toEqual([]);
    expect(leaksIn(server.output, shown)).toEqual([]);
    expect(leaksIn(shown[0] ?? ""), "the search itself finds what it looks for").not.toEqual([]);
    expect(await server.stats()).toMatchObject({ expired_closes_total: 5, revoked_closes_total: 11 });
  });
});

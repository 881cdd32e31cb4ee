import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { phoenixToken } from "../../src/index.js";
import { offeredAs } from "../support/json-tokens.js";
import { byKey, bySecret, forge, type Signer } from "../support/jwts.js";
import { handshakeText, RawWebSocket } from "../support/raw-websocket.js";
import {
  byHeader,
  byProtocol,
  claims,
  esToken,
  hsToken,
  impostor,
  issuer,
  type Line,
  leaksIn,
  nowS,
  phoenixTokens,
  refusedLine,
  type Sight,
  secrets,
  TokenServer,
} from "../support/token-server.js";
import { until } from "../support/wait.js";

let server: TokenServer;
/** All tokens that the server has seen. */
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
const REFUSED_POLL = [401, 'Bearer error="invalid_token"', '{"status":403}'];
const unsigned: Signer = () => Buffer.alloc(0);
const hsBy = (header: object, key: string | Uint8Array = secrets.hs) =>
  forge({ alg: "HS256", ...header }, claims(), bySecret(key));
const esBy = (header: object, pair = impostor) =>
  forge({ alg: "ES256", kid: "k1", ...header }, claims(), byKey(pair));
/** A token with one of its three parts changed. */
const changed = (token: string, part: number, change: (text: string) => string) =>
  token
    .split(".")
    .map((text, index) => (index === part ? change(text) : text))
    .join(".");
const otherUser = (text: string) =>
  Buffer.from(Buffer.from(text, "base64url").toString().replace("mallory", "the boss")).toString("base64url");
const flipped = (text: string) => `${text.startsWith("A") ? "B" : "A"}${text.slice(1)}`;
const derKey = () => issuer.publicKey.export({ format: "der", type: "spki" });
const phoenixBy = (salt: string, secret: string) => phoenixToken({ secret, salt }).sign("mallory");

type Attack = readonly [what: string, mount: string, reason: string, token: () => string];
const attacks: readonly Attack[] = [
  ["expired", "/hs", "expired", () => hsToken({ exp: nowS() - 1 })],
  ["expired, of an elliptic curve", "/es", "expired", () => esToken({ exp: nowS() - 1 })],
  ["older than any token may be", "/hs", "expired", () => hsToken({ iat: 1_000_000, exp: nowS() + 60 })],
  ["not yet valid", "/hs", "not_yet_valid", () => hsToken({ nbf: nowS() + 60 })],
  ["not yet valid, of an elliptic curve", "/es", "not_yet_valid", () => esToken({ nbf: nowS() + 60 })],
  ["without an end", "/hs", "wrong_claim", () => hsToken({ exp: undefined })],
  ["of another issuer", "/hs", "wrong_issuer", () => hsToken({ iss: "https://evil.example/" })],
  ["of an issuer that begins alike", "/es", "wrong_issuer", () => esToken({ iss: "https://id.example/x" })],
  ["of no issuer", "/es", "wrong_issuer", () => esToken({ iss: undefined })],
  ["for another audience", "/hs", "wrong_audience", () => hsToken({ aud: "shop" })],
  ["for no audience", "/es", "wrong_audience", () => esToken({ aud: undefined })],
  ["signed with another secret", "/hs", "invalid", () => hsBy({}, "another secret that is long enough, too")],
  ["signed with nothing", "/hs", "invalid", () => hsBy({}, "")],
  ["signed with another key", "/es", "invalid", () => esBy({})],
  ["of the other mount's kind", "/hs", "invalid", () => esToken()],
  ["of a secret where keys are public", "/es", "invalid", () => hsToken()],
  ["of the public key as a secret, PEM", "/es", "invalid", () => hsBy({ kid: "k1" }, issuer.pem)],
  ["of the public key as a secret, DER", "/es", "invalid", () => hsBy({ kid: "k1" }, derKey())],
  [
    "of the public key as a secret, JWK",
    "/es",
    "invalid",
    () => hsBy({ kid: "k1" }, JSON.stringify(issuer.jwk)),
  ],
  ["of algorithm none", "/hs", "invalid", () => forge({ alg: "none" }, claims(), unsigned)],
  ["of algorithm nOnE", "/es", "invalid", () => forge({ alg: "nOnE", kid: "k1" }, claims(), unsigned)],
  [
    "of algorithm none with a signature",
    "/hs",
    "invalid",
    () => forge({ alg: "none" }, claims(), (input) => bySecret(secrets.hs)(input, "HS256")),
  ],
  ["of no algorithm", "/hs", "invalid", () => forge({ typ: "JWT" }, claims(), bySecret(secrets.hs))],
  ["with another user put in", "/hs", "invalid", () => changed(hsToken(), 1, otherUser)],
  [
    "with another user put in, of an elliptic curve",
    "/es",
    "invalid",
    () => changed(esToken(), 1, otherUser),
  ],
  ["with another signature", "/hs", "invalid", () => changed(hsToken(), 2, flipped)],
  [
    "with a signature of zeros",
    "/es",
    "invalid",
    () => forge({ alg: "ES256", kid: "k1" }, claims(), () => Buffer.alloc(64)),
  ],
  ["without its end", "/hs", "invalid", () => hsToken().slice(0, -1)],
  ["without its signature", "/es", "invalid", () => changed(esToken(), 2, () => "")],
  ["that is half of one", "/hs", "invalid", () => hsToken().slice(0, 40)],
  ["with two signatures", "/hs", "invalid", () => `${hsToken()}.${"A".repeat(43)}`],
  ["with padding", "/hs", "invalid", () => `${hsToken()}=`],
  ["whose key's name is a path", "/es", "invalid", () => hsBy({ kid: "../../../../dev/null" }, "")],
  [
    "whose key's name is a path, of the right kind",
    "/es",
    "invalid",
    () => esBy({ kid: "../../etc/hostname" }),
  ],
  ["whose key's name is a URL", "/es", "invalid", () => esBy({ kid: server.impostorUrl })],
  ["whose key's name is __proto__", "/es", "invalid", () => esBy({ kid: "__proto__" })],
  ["whose key's name is constructor", "/es", "invalid", () => esBy({ kid: "constructor" })],
  ["whose key's name is SQL", "/es", "invalid", () => esBy({ kid: "' UNION SELECT 'k1' --" })],
  ["whose key's name is a list", "/es", "invalid", () => esBy({ kid: ["k1"] })],
  ["that says where its key is: jku", "/es", "invalid", () => esBy({ jku: server.impostorUrl })],
  ["that says where its key is: x5u", "/es", "invalid", () => esBy({ x5u: server.impostorUrl })],
  ["that brings its key: jwk", "/es", "invalid", () => esBy({ jwk: impostor.jwk, kid: undefined })],
  ["that brings its key: x5c", "/es", "invalid", () => esBy({ x5c: [impostor.pem.replace(/-.*-|\n/g, "")] })],
  ["with demands that nobody knows", "/hs", "invalid", () => hsBy({ crit: ["b64"], b64: false })],
  [
    "of Phoenix, expired",
    "/phoenix",
    "expired",
    () => phoenixTokens.sign("mallory", { signedAtSeconds: nowS() - 90, maxAgeSeconds: 60 }),
  ],
  [
    "of Phoenix, from the future",
    "/phoenix",
    "invalid",
    () => phoenixTokens.sign("mallory", { signedAtSeconds: nowS() + 600 }),
  ],
  [
    "of Phoenix, with another secret",
    "/phoenix",
    "invalid",
    () => phoenixBy("user auth", "another secret of enough bytes"),
  ],
  [
    "of Phoenix, for another purpose",
    "/phoenix",
    "invalid",
    () => phoenixBy("password reset", secrets.phoenix),
  ],
  ["of Phoenix, changed", "/phoenix", "invalid", () => changed(phoenixTokens.sign("mallory"), 1, flipped)],
  ["of Phoenix, truncated", "/phoenix", "invalid", () => phoenixTokens.sign("mallory").slice(0, -2)],
  [
    "of Phoenix, encrypted where signed ones are wanted",
    "/phoenix",
    "invalid",
    () => phoenixTokens.encrypt("mallory"),
  ],
  ["of JWT where Phoenix is spoken", "/phoenix", "invalid", () => hsToken()],
  ["of nine thousand characters", "/hs", "too_large", () => hsToken({ x: "x".repeat(6_500) })],
];

describe("a token that proves nothing", () => {
  it("is told from one that does", async () => {
    for (const [mount, token] of [
      ["/hs", hsToken()],
      ["/hs", forge({ alg: "HS256" }, claims(), bySecret(secrets.old))],
      ["/es", esToken()],
      ["/phoenix", phoenixTokens.sign("ann")],
    ] as const) {
      const from = await server.logLength();
      expect(await server.websocket(mount, byProtocol(show(token)))).toEqual([101, undefined, ""]);
      expect((await server.poll(mount, byHeader(token)))[0]).toBe(200);
      expect(await server.logSince(from)).toEqual([]);
    }
  });

  it.each(attacks)(
    "is refused like every other, and the log has the reason: %s",
    async (_what, mount, reason, make) => {
      const from = await server.logLength();
      const token = show(make());
      expect(await server.websocket(mount, byProtocol(token))).toEqual(REFUSED);
      expect(await server.poll(mount, byHeader(token))).toEqual(REFUSED_POLL);
      expect(await server.logSince(from)).toEqual([
        refusedLine(mount, reason, "websocket"),
        refusedLine(mount, reason, "longpoll"),
      ]);
    },
  );

  it("and has permissions that make no sense says so once, without a word of its own", async () => {
    const from = await server.logLength();
    for (let i = 0; i < 3; i++) {
      const token = show(hsToken({ permissions: { "a*secret": ["*"] } }));
      expect(await server.websocket("/hs", byProtocol(token))).toEqual(REFUSED);
    }
    const fault = "topic 1: `*` may only be the last character";
    const refused = refusedLine("/hs", "wrong_claim", "websocket");
    const told = { level: "warn", message: "permissions make no sense", path: "/hs", fault };
    expect(await server.logSince(from)).toEqual([told, refused, refused, refused]);
  });

  it("makes nobody ask the issuer again and again, nor anybody else at all", async () => {
    const before = server.asked.length;
    for (let i = 0; i < 50; i++)
      await server.websocket("/es", byProtocol(show(esBy({ kid: `unknown-${i}` }))));
    expect(server.asked.length - before).toBeLessThanOrEqual(1);
    expect(new Set(server.asked)).toEqual(new Set(["/keys"]));
  });

  it("of a megabyte is 431 and cut off, wherever it is, and the log says so once", async () => {
    const from = await server.logLength();
    const long = "x".repeat(1_000_000);
    // Who is still sending when the connection is cut may be told of that first.
    const status = (seen: Promise<Sight>) => seen.then(([first]) => first).catch(({ code }) => code);
    const bringings = [byProtocol(long), { query: `&token=${long}` }, { headers: { cookie: `sid=${long}` } }];
    for (const bringing of bringings)
      expect([431, "ECONNRESET", "EPIPE"]).toContain(await status(server.websocket("/hs", bringing)));
    expect([431, "ECONNRESET", "EPIPE"]).toContain(await status(server.poll("/hs", byHeader(long))));
    expect((await server.websocket("/hs", byProtocol("x".repeat(15_000))))[0]).toBe(431);
    const told = (await server.logSince(from)).filter(({ limit }) => limit === "headerBytesMax");
    expect(told).toHaveLength(1);
    expect(JSON.stringify(told).length).toBeLessThan(300);
  });
});

describe("a token in two places", () => {
  const both = (token: string, cookie?: string) => ({
    query: `&token=${token}`,
    headers: { ...byProtocol(token).headers, ...(cookie === undefined ? {} : { cookie }) },
  });
  const twice = (token: string) => ({
    headers: {
      "sec-websocket-protocol": `${offeredAs(token)}, ${offeredAs(token).slice("phoenix, ".length)}`,
    },
  });
  it.each([
    ["the subprotocol and the query", (token: string) => both(token)],
    ["the subprotocol, twice", twice],
    ["the query, twice", (token: string) => ({ query: `&token=${token}&token=x` })],
    ["the query, in two spellings", (token: string) => ({ query: `&token=${token}&%74oken=${token}` })],
    [
      "the query and a cookie",
      (token: string) => ({ query: `&token=${token}`, headers: { cookie: `sid=${token}` } }),
    ],
    ["a cookie, twice", (token: string) => ({ headers: { cookie: `sid=${token}; sid=${token}` } })],
    ["everywhere", (token: string) => both(token, `sid=${token}`)],
  ])("is 400, though it is a good one: %s", async (_what, bringing) => {
    const from = await server.logLength();
    const seen = await server.websocket("/hs", bringing(show(hsToken())));
    expect(seen).toEqual([400, 'Bearer error="invalid_request"', ""]);
    expect(await server.logSince(from)).toEqual([refusedLine("/hs", "ambiguous", "websocket")]);
  });

  it("is 400 over long poll, too", async () => {
    const from = await server.logLength();
    const token = show(hsToken());
    const seen = await server.poll("/hs", { ...byHeader(token), query: `&token=${token}` });
    expect(seen).toEqual([400, 'Bearer error="invalid_request"', '{"status":403}']);
    expect(await server.logSince(from)).toEqual([refusedLine("/hs", "ambiguous", "longpoll")]);
  });
});

/** Sends a text on a connection of its own and waits for the end of the answer's head. */
async function answerTo(text: string): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port: server.port });
  let [answer, over] = ["", false];
  socket.on("error", () => {});
  socket.on("data", (chunk) => (answer += chunk.toString("latin1")));
  socket.on("close", () => (over = true));
  socket.write(text, "latin1");
  await until(() => over || answer.includes("\r\n\r\n"), "an answer", 20_000);
  socket.destroy();
  return answer;
}

describe("a header put in by a token", () => {
  const prefix = "base64url.bearer.phx.";
  const smuggled = "x\r\nset-cookie: sid=evil\r\n\r\n";
  const asProtocol = (text: string) =>
    handshakeText("/hs/websocket?vsn=2.0.0", { "sec-websocket-protocol": text });
  const refused: readonly Line[] = [refusedLine("/hs", "invalid", "websocket")];
  it.each<[string, string, string, readonly Line[]]>([
    ["as it is", `phoenix, ${prefix}${smuggled}`, "401", refused],
    ["after a bare carriage return", `phoenix, ${prefix}x\rset-cookie: sid=evil`, "400", []],
    ["within base64", `phoenix, ${prefix}${Buffer.from(smuggled).toString("base64")}`, "401", refused],
    ["percent-encoded", `phoenix, ${prefix}${encodeURIComponent(smuggled)}`, "401", refused],
    [
      "as the name of a protocol",
      `phoenix, ${encodeURIComponent(smuggled)}`,
      "401",
      [refusedLine("/hs", "missing", "websocket")],
    ],
  ])("is in no answer, and in no line of the log: %s", async (_what, offered, status, told) => {
    const from = await server.logLength();
    const answer = await answerTo(asProtocol(offered));
    expect(answer.split(" ")[1]).toBe(status);
    expect(answer).not.toMatch(/set-cookie|evil/i);
    expect(await server.logSince(from)).toEqual(told);
  });

  it("is no way for a token to be sent back", async () => {
    const token = show(hsToken());
    const answer = await answerTo(asProtocol(offeredAs(token)));
    expect(answer).toMatch(/^HTTP\/1.1 101 /);
    expect(answer).toMatch(/\r\nsec-websocket-protocol: phoenix\r\n/i);
    expect(answer).not.toContain("bearer");
  });
});

describe("a cookie that another page's request brings along", () => {
  const from = (headers: Record<string, string>, query = "") => {
    const token = show(hsToken());
    return { query, headers: { cookie: `sid=${token}`, ...headers } };
  };
  const sister = { origin: "https://sister.example" };
  const missing = [401, "Bearer", ""];

  it.each<[string, string, Record<string, string>, string, readonly unknown[], string | undefined]>([
    ["of an evil origin", "/hs", { origin: "https://evil.example" }, "", [403, undefined, ""], undefined],
    ["of no origin at all: null", "/hs", { origin: "null" }, "", [403, undefined, ""], undefined],
    [
      "from another site, by a browser that hides the origin",
      "/hs",
      { "sec-fetch-site": "cross-site" },
      "",
      missing,
      "missing",
    ],
    ["from a sister domain without a CSRF token", "/sister", sister, "", missing, "missing"],
    [
      "from a sister domain with a wrong CSRF token",
      "/sister",
      sister,
      "&_csrf_token=guessed",
      missing,
      "missing",
    ],
    [
      "from a sister domain with a list as CSRF token",
      "/sister",
      sister,
      "&_csrf_token[]=given by us".replaceAll(" ", "%20"),
      missing,
      "missing",
    ],
  ])("does not count: %s", async (_what, mount, headers, query, seen, reason) => {
    const length = await server.logLength();
    expect(await server.websocket(mount, from(headers, query))).toEqual(seen);
    const told = reason === undefined ? [] : [refusedLine(mount, reason, "websocket")];
    expect(await server.logSince(length)).toEqual(told);
  });

  it("counts when the right CSRF token is with it, or when it is from the own page", async () => {
    const right = from(sister, "&_csrf_token=given%20by%20us");
    expect(await server.websocket("/sister", right)).toEqual([101, undefined, ""]);
    const own = from({ origin: `http://127.0.0.1:${server.port}` });
    expect(await server.websocket("/hs", own)).toEqual([101, undefined, ""]);
  });

  it("does not lend its rights to a page that brings a token of its own", async () => {
    const length = await server.logLength();
    const own = show(hsToken());
    const seen = await server.websocket("/hs", {
      headers: {
        ...byProtocol(own).headers,
        cookie: `sid=${show(hsToken({ sub: "victim" }))}`,
        "sec-fetch-site": "cross-site",
      },
    });
    // The cookie is as good as none, so the token is the one that the page has itself.
    expect(seen).toEqual([101, undefined, ""]);
    expect(await server.logSince(length)).toEqual([]);
  });
});

describe("after all attacks with tokens", () => {
  it("somebody with a good one is served, and the whole log has no secret, no token and no error", async () => {
    const ann = await RawWebSocket.open(
      server.port,
      "/es/websocket?vsn=2.0.0",
      byProtocol(show(esToken({ sub: "ann" }))).headers,
    );
    expect(await ann.alive()).toBe(true);
    ann.destroy();
    const log = await server.logSince(0);
    expect(log.length).toBeGreaterThan(2 * attacks.length);
    const loud = log.filter(({ level }) => level === "error" || level === "warn");
    expect(loud.map(({ message, limit }) => limit ?? message)).toEqual([
      "permissions make no sense",
      "headerBytesMax",
    ]);
    expect(leaksIn(server.output, shown)).toEqual([]);
    expect(leaksIn(hsToken()), "the search itself finds what it looks for").not.toEqual([]);
    expect((await server.stats()).refused_tokens_total).toBeGreaterThan(2 * attacks.length);
  });
});

import { describe, expect, it } from "vitest";
import type { TokenRefusal, TokenVerifier, Verification } from "../../src/contracts/token.js";
import type { AuthenticatedRequest, Handshake } from "../../src/runtime/connect-request.js";
import type { SocketAuth } from "../../src/runtime/connect-token.js";
import type { MountOptions } from "../../src/runtime/endpoint-options.js";
import { accept, refuse, socket } from "../../src/runtime/socket-definition.js";
import { handshake, startNode } from "../support/node.js";

/** Passes tokens that begin with "good"; another is a refusal by its own name. */
const byName: TokenVerifier = {
  verify: (token) =>
    token.startsWith("good")
      ? { ok: true, token: { subject: token, claims: { sub: token } } }
      : { ok: false, reason: token as TokenRefusal },
};

function offer(token: string): string {
  return `base64url.bearer.phx.${Buffer.from(token).toString("base64").replaceAll("=", "")}`;
}

interface Sent {
  readonly protocols?: readonly string[];
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly transport?: Handshake["transport"];
}

async function connect(auth: Omit<SocketAuth, "verifier"> & Partial<SocketAuth>, sent: Sent, mount = {}) {
  const asked: AuthenticatedRequest[] = [];
  const routes = socket({
    auth: { verifier: byName, ...auth },
    connect: (request) => {
      // What the test asks for decides whether there is one; it looks at `undefined`, too.
      asked.push(request as AuthenticatedRequest);
      return accept();
    },
  }).routes({});
  const options: Omit<MountOptions, "socket"> = { checkOrigin: false, ...mount };
  const node = await startNode(routes, options);
  const protocols = sent.protocols?.join(", ");
  const decision = await node.mount.connect(
    handshake({
      transport: sent.transport ?? "websocket",
      target: `/socket/websocket?vsn=2.0.0${sent.query ?? ""}`,
      headers: {
        host: "app.example",
        ...(protocols === undefined ? {} : { "sec-websocket-protocol": protocols }),
        ...sent.headers,
      },
    }),
  );
  return { node, decision, asked };
}

const badToken = { status: 401, headers: { "www-authenticate": 'Bearer error="invalid_token"' } };

describe("the token of a socket with auth", () => {
  it("comes by subprotocol, which the mount need not ask for", async () => {
    const { decision, asked } = await connect({}, { protocols: ["phoenix", offer("good-1")] });
    expect(decision).toMatchObject({
      kind: "accepted",
      subprotocol: "phoenix",
      token: { subject: "good-1" },
    });
    expect(asked[0]?.token.subject).toBe("good-1");
  });

  it("comes by header to a long poll", async () => {
    const headers = { "x-phoenix-authtoken": "good-2" };
    const { asked } = await connect({}, { transport: "longpoll", headers });
    expect(asked[0]?.token.subject).toBe("good-2");
    expect((await connect({}, { headers })).decision).toMatchObject({ token: "missing" });
  });

  it("comes by a parameter only where that was allowed, and is taken out of params and uri", async () => {
    const refused = await connect({}, { query: "&token=good" });
    expect(refused.decision).toMatchObject({ kind: "refused", token: "missing" });
    const { asked } = await connect({ param: "token" }, { query: "&a=1&t%6Fken=go%6Fd&b=2" });
    expect(asked[0]?.token.subject).toBe("good");
    expect({ ...asked[0]?.params }).toEqual({ vsn: "2.0.0", a: "1", b: "2" });
    expect(asked[0]?.info.uri).toBe("http://app.example/socket/websocket?vsn=2.0.0&a=1&b=2");
  });

  it("comes by a cookie only where that was allowed", async () => {
    const headers = { cookie: 'a=1; sid="good"; other=2' };
    expect((await connect({}, { headers })).decision).toMatchObject({ token: "missing" });
    expect((await connect({ cookie: "sid" }, { headers })).asked[0]?.token.subject).toBe("good");
    expect((await connect({ cookie: "id" }, { headers })).decision).toMatchObject({ token: "missing" });
  });

  it("is not looked at when its other checks refuse the handshake anyway", async () => {
    let asked = 0;
    const verifier: TokenVerifier = {
      verify: () => ({ ok: asked++ < 0, reason: "invalid" }) as Verification,
    };
    const protocols = [offer("x")];
    const headers = { origin: "https://evil.example" };
    await connect({ verifier }, { protocols, headers }, { checkOrigin: true });
    await connect({ verifier }, { protocols, query: "&vsn=9" });
    expect(asked).toBe(0);
    await connect({ verifier }, { protocols });
    expect(asked).toBe(1);
  });
});

describe("a cookie from another origin", () => {
  const cookie = "sid=good";
  it.each([
    ["a page of another host", { origin: "https://evil.example" }, "missing"],
    ["a page without an origin", { origin: "null" }, "missing"],
    ["an image on another site", { "sec-fetch-site": "cross-site" }, "missing"],
    ["a page of a sibling domain", { "sec-fetch-site": "same-site" }, "missing"],
    ["a page of the own host", { origin: "http://app.example" }, "good"],
    ["a GET of the own page", { "sec-fetch-site": "same-origin" }, "good"],
    ["a client that is no browser", {}, "good"],
  ])("from %s counts as it should", async (_who, headers, wanted) => {
    const { decision } = await connect({ cookie: "sid" }, { headers: { cookie, ...headers } });
    expect(decision).toMatchObject({ token: wanted === "good" ? { subject: "good" } : wanted });
  });

  it("counts with a CSRF token that the application knows", async () => {
    const csrf: SocketAuth["csrf"] = ({ csrfToken, sameOrigin, cookie: sent }) =>
      csrfToken === "known" && !sameOrigin && sent === cookie;
    const headers = { cookie, origin: "https://sister.example" };
    const by = async (query: string) => (await connect({ cookie: "sid", csrf }, { headers, query })).decision;
    expect(await by("&_csrf_token=known")).toMatchObject({ token: { subject: "good" } });
    expect(await by("&_csrf_token=guessed")).toMatchObject({ token: "missing" });
    expect(await by("&_csrf_token[]=known")).toMatchObject({ token: "missing" });
    expect(await by("")).toMatchObject({ token: "missing" });
  });
});

describe("a token in two places is refused", () => {
  const everywhere = { param: "token", cookie: "sid" };
  it.each([
    ["two subprotocols", { protocols: ["phoenix", offer("good"), offer("good")] }],
    ["subprotocol and parameter", { protocols: [offer("good")], query: "&token=good" }],
    ["subprotocol and cookie", { protocols: [offer("good")], headers: { cookie: "sid=good" } }],
    ["parameter and cookie", { query: "&token=good", headers: { cookie: "sid=good" } }],
    ["two parameters", { query: "&token=good&token=good" }],
    ["a nested parameter beside a plain one", { query: "&token=good&token[x]=good" }],
    ["two cookies of one name", { headers: { cookie: "sid=good; sid=good2" } }],
  ] as [string, Sent][])("%s", async (_where, sent) => {
    const { decision, node, asked } = await connect(everywhere, sent);
    expect(decision).toMatchObject({
      token: "ambiguous",
      answer: { status: 400, headers: { "www-authenticate": 'Bearer error="invalid_request"' } },
    });
    expect(asked).toEqual([]);
    expect(node.core.counters.refused_tokens_total).toBe(1);
  });
});

describe("a token that does not pass", () => {
  it.each([
    "expired",
    "not_yet_valid",
    "invalid",
    "wrong_issuer",
    "wrong_audience",
    "wrong_claim",
    "revoked",
  ])("is answered alike, whatever its fault: %s", async (reason) => {
    const { decision, node } = await connect({}, { protocols: [offer(reason)] });
    expect(decision).toEqual({ kind: "refused", answer: badToken, token: reason });
    expect(node.logger.lines).toEqual([
      {
        level: "debug",
        message: "token refused",
        fields: { path: "/socket", reason, transport: "websocket" },
      },
    ]);
  });

  it("is told to come back when it could not be checked", async () => {
    const { decision } = await connect({}, { protocols: [offer("unavailable")] });
    expect(decision).toMatchObject({ answer: { status: 503, headers: { "retry-after": "5" } } });
  });

  it("is not looked at when it is too long", async () => {
    const sent = { protocols: [offer("good".padEnd(9_000, "x"))] };
    expect((await connect({}, sent)).decision).toEqual({
      kind: "refused",
      answer: badToken,
      token: "too_large",
    });
    expect((await connect({ tokenBytesMax: 9_000 }, sent)).decision).toMatchObject({ kind: "accepted" });
  });

  it("is refused also when it cannot be decoded", async () => {
    const { decision } = await connect({}, { protocols: ["phoenix", "base64url.bearer.phx.%%%"] });
    expect(decision).toMatchObject({ token: "invalid", answer: badToken });
  });

  it("is refused also where none is required", async () => {
    const auth = { required: false };
    expect((await connect(auth, { protocols: [offer("expired")] })).decision).toMatchObject({
      token: "expired",
    });
    const none = await connect(auth, {});
    expect(none.decision).toMatchObject({ kind: "accepted", token: undefined });
    expect(none.asked[0]?.token).toBeUndefined();
  });

  it("is a challenge without an error when there is none", async () => {
    const { decision } = await connect({}, {});
    expect(decision).toMatchObject({ answer: { status: 401, headers: { "www-authenticate": "Bearer" } } });
  });

  it("is the server's fault when a verifier throws or rejects, and nothing of it is logged", async () => {
    const throwing: TokenVerifier = {
      verify: () => {
        throw new Error("no keys");
      },
    };
    const rejecting: TokenVerifier = { verify: () => Promise.reject(new Error("no keys")) };
    for (const verifier of [throwing, rejecting]) {
      const { decision, node } = await connect({ verifier }, { protocols: [offer("secret")] });
      expect(decision).toMatchObject({ token: "unavailable", answer: { status: 503 } });
      expect(node.logger.at("error")).toEqual(["token check crashed"]);
      expect(JSON.stringify(node.logger.lines)).not.toContain("secret");
    }
  });
});

describe("the application behind a token", () => {
  it("still decides", async () => {
    const routes = socket({ auth: { verifier: byName }, connect: () => refuse() }).routes({});
    const node = await startNode(routes);
    const headers = { host: "app.example", "sec-websocket-protocol": offer("good") };
    expect(await node.mount.connect(handshake({ headers }))).toEqual({
      kind: "refused",
      answer: { status: 403 },
    });
    expect(node.core.counters.refused_tokens_total).toBe(0);
  });

  it.each([
    [{ param: "" }, "has a name"],
    [{ cookie: "" }, "has a name"],
    [{ tokenBytesMax: 0 }, "auth.tokenBytesMax of /socket"],
    [{ csrf: () => true }, "csrf is for a cookie"],
  ])("cannot be mounted with settings that cannot work: %o", async (auth, message) => {
    await expect(connect(auth, {})).rejects.toThrow(message);
  });
});

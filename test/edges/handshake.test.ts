import { describe, expect, it } from "vitest";
import type { ConnectRequest } from "../../src/runtime/connect-request.js";
import type { MountOptions } from "../../src/runtime/endpoint-options.js";
import { accept, refuse, socket } from "../../src/runtime/socket-definition.js";
import { useEndpoints } from "../support/endpoints.js";
import { type HandshakeOptions, shakeHands } from "../support/handshake.js";
import { ask } from "../support/http.js";

const start = useEndpoints();

/** A mount whose socket notes what it is asked. */
async function mounted(options: Partial<MountOptions> = {}, path = "/socket") {
  const asked: ConnectRequest[] = [];
  const users = socket({
    connect(request) {
      asked.push(request);
      if (request.params.refuse === "plain") return refuse();
      if (request.params.refuse !== undefined) return refuse(request.params.refuse);
      if (request.params.crash !== undefined) throw new Error("connect crashed as it was asked to");
      return accept({ id: request.params.id });
    },
    // What the client sends may be no text: the check of ids is at stake.
    id: ({ assigns }) => assigns.id as string | undefined,
  });
  const { port, endpoint } = await start({ sockets: { [path]: { socket: users.routes({}), ...options } } });
  const shake = (query = "", settings: HandshakeOptions = {}, at = `${path}/websocket`) =>
    shakeHands(port, `${at}?${query}`, settings);
  const status = async (query: string, headers: Record<string, string> = {}) =>
    (await shake(query, { headers })).status;
  return { port, endpoint, asked, shake, status };
}

describe("the version of the wire", () => {
  it.each(["", "vsn=1.0.0", "vsn=1.0.9", "vsn=2.0.0", "vsn=2.0.1"])("is agreed on with %j", async (query) => {
    const { status } = await mounted();
    expect(await status(query)).toBe(101);
  });

  it.each([
    "vsn=",
    "vsn=2",
    "vsn=2.1.0",
    "vsn=1.1.0",
    "vsn=3.0.0",
    "vsn=2.0.0-rc",
    "vsn[a]=2.0.0",
    "vsn[]=2.0.0",
  ])("is refused with %j, by 403 without a body, and nobody is asked", async (query) => {
    const { shake, asked } = await mounted({ errorHandler: () => ({ status: 418 }) });
    expect(await shake(query)).toMatchObject({ status: 403, body: "" });
    expect(asked).toEqual([]);
  });
});

describe("what connect is told", () => {
  it("is all parameters, of the query and of the path, vsn included", async () => {
    const { port, asked } = await mounted({ websocket: { path: "/:kind/ws" } }, "/socket/:room");
    const target = "/socket/a%20b/web/ws?vsn=2.0.0&user[name]=x&user[tags][]=1&user[tags][]=2&room=query";
    expect((await shakeHands(port, target)).status).toBe(101);
    expect(asked[0]?.params).toEqual({
      vsn: "2.0.0",
      user: { name: "x", tags: ["1", "2"] },
      room: "a b",
      kind: "web",
    });
  });

  it("is chosen parts of the request, and nothing else of it", async () => {
    const { shake, asked, port } = await mounted({ authToken: true });
    const headers = {
      "user-agent": "test",
      "x-one": "1",
      "x-two": "2",
      traceparent: "00-1",
      tracestate: "a=b",
      cookie: "secret=1",
      authorization: "secret",
      "sec-websocket-protocol": "phoenix, base64url.bearer.phx.c2VjcmV0",
    };
    await shake("a=1", { headers });
    const [request] = asked;
    expect(request?.transport).toBe("websocket");
    expect({ ...request?.info }).toMatchObject({
      uri: `http://127.0.0.1:${port}/socket/websocket?a=1`,
      userAgent: "test",
      xHeaders: { "x-one": "1", "x-two": "2" },
      traceHeaders: { traceparent: "00-1", tracestate: "a=b" },
      secWebsocketHeaders: { "sec-websocket-version": "13" },
      session: undefined,
      peer: { address: "127.0.0.1", port: expect.any(Number) },
    });
    expect(JSON.stringify({ ...request?.info })).not.toMatch(/secret|c2VjcmV0/);
  });

  it("is the session for the own origin, or with a CSRF token, only", async () => {
    const session = (source: unknown) => source;
    const { shake, asked, port } = await mounted({ session, checkOrigin: false });
    const cookie = "k=v";
    await shake("", { headers: { cookie } });
    await shake("", { headers: { cookie, origin: `http://127.0.0.1:${port}` } });
    await shake("", { headers: { cookie, origin: "https://evil.com" } });
    await shake("_csrf_token=t", { headers: { cookie, origin: "https://evil.com" } });
    expect(asked.map(({ info }) => info.session)).toEqual([
      { cookie, csrfToken: undefined, sameOrigin: true },
      { cookie, csrfToken: undefined, sameOrigin: true },
      undefined,
      { cookie, csrfToken: "t", sameOrigin: false },
    ]);
  });
});

describe("a refused connection", () => {
  it("is answered 403 without a body", async () => {
    const { shake, endpoint } = await mounted();
    expect(await shake("refuse=plain")).toMatchObject({ status: 403, body: "" });
    expect(await shake("refuse=because")).toMatchObject({ status: 403, body: "" });
    expect(endpoint.stats().refused_connects_total).toBe(2);
  });

  it("is answered as the mount's error handler says, when it has a reason", async () => {
    const { shake } = await mounted({
      errorHandler: (reason, { params }) => ({
        status: 429,
        headers: { "retry-after": "7" },
        body: JSON.stringify({ reason, vsn: params.vsn }),
      }),
    });
    const answer = await shake("vsn=2.0.0&refuse=because");
    expect(answer).toMatchObject({ status: 429, headers: { "retry-after": "7" } });
    expect(JSON.parse(answer.body)).toEqual({ reason: "because", vsn: "2.0.0" });
    expect(await shake("refuse=plain")).toMatchObject({ status: 403, body: "" });
  });

  it("is answered 500 when connect or the error handler throws, and the next one is served", async () => {
    const { status } = await mounted({
      errorHandler: () => {
        throw new Error("the error handler crashed");
      },
    });
    expect(await status("crash=1")).toBe(500);
    expect(await status("refuse=because")).toBe(500);
    expect(await status("")).toBe(101);
  });

  it("is one whose id is neither text nor nothing", async () => {
    const { status } = await mounted({ errorHandler: () => ({ status: 418 }) });
    expect(await status("id=u1")).toBe(101);
    expect(await status("id=")).toBe(101);
    expect(await status("id[a]=u1")).toBe(403);
    expect(await status("id[]=u1")).toBe(403);
  });
});

describe("a request that is no valid upgrade", () => {
  it.each<[string, HandshakeOptions["headers"]]>([
    ["no upgrade at all", { connection: undefined, upgrade: undefined }],
    ["another protocol", { upgrade: "h2c" }],
    ["no key", { "sec-websocket-key": undefined }],
    ["a key of the wrong form", { "sec-websocket-key": "short" }],
    ["another version", { "sec-websocket-version": "12" }],
  ])("with %s is answered 400 and an explanation, once connect has let it pass", async (_what, headers) => {
    const { shake, asked, endpoint } = await mounted();
    const answer = await shake("", { headers: headers ?? {} });
    expect(answer.status).toBe(400);
    expect(answer.body).not.toBe("");
    expect(answer.headers["x-simurgh-node"]).toBe(endpoint.name);
    expect(asked).toHaveLength(1);
    expect((await shake("refuse=plain", { headers: headers ?? {} })).status).toBe(403);
    expect(endpoint.stats().connections).toBe(0);
  });

  it.each(["POST", "PUT", "DELETE", "OPTIONS"])("by %s is answered 400 without a body", async (method) => {
    const { shake, port, asked } = await mounted();
    expect(await shake("", { method })).toMatchObject({ status: 400, body: "" });
    expect(await ask(port, "/socket/websocket", { method })).toMatchObject({ status: 400, body: "" });
    expect(asked).toEqual([]);
  });

  it("elsewhere than at a mount is answered 404", async () => {
    const { port } = await mounted();
    for (const target of [
      "/socket",
      "/socket/",
      "/socket/websocket/",
      "/socket/longpoll",
      "/Socket/websocket",
    ]) {
      expect((await shakeHands(port, target)).status).toBe(404);
    }
  });
});

describe("the auth token in the subprotocols", () => {
  const prefix = "base64url.bearer.phx.";
  const token = `${prefix}bXktYXV0aC10b2tlbg`;
  const offer = async (protocols: string, options: Partial<MountOptions> = { authToken: true }) => {
    const { shake, asked } = await mounted(options);
    const { status, headers } = await shake("", { headers: { "sec-websocket-protocol": protocols } });
    return [status, headers["sec-websocket-protocol"], asked[0]?.authToken];
  };

  it("reaches connect, and phoenix is answered", async () => {
    expect(await offer(`phoenix, ${token}`)).toEqual([101, "phoenix", "my-auth-token"]);
    expect(await offer(`${token},phoenix`)).toEqual([101, "phoenix", "my-auth-token"]);
  });

  it("alone is answered without a subprotocol", async () => {
    expect(await offer(token)).toEqual([101, undefined, "my-auth-token"]);
  });

  it("may be empty, padded, and in the standard alphabet", async () => {
    expect(await offer(`phoenix, ${prefix}`)).toEqual([101, "phoenix", ""]);
    expect(await offer(`phoenix, ${prefix}Pj4/Pz8+`)).toEqual([101, "phoenix", ">>???>"]);
    expect(await offer(`phoenix, ${prefix}w6Q`)).toEqual([101, "phoenix", "ä"]);
  });

  it.each(["a", "ab_d", "a-bc", "abcde"])(
    "that is no base64, such as %j, is answered 500",
    async (encoded) => {
      expect((await offer(`phoenix, ${prefix}${encoded}`))[0]).toBe(500);
    },
  );

  it("is taken only when exactly one is offered", async () => {
    expect(await offer(`phoenix, ${token}, ${prefix}b3RoZXI`)).toEqual([101, "phoenix", undefined]);
  });

  it("is not looked for where the mount did not ask for it", async () => {
    expect(await offer(`phoenix, ${token}`, {})).toEqual([101, undefined, undefined]);
  });

  it("leaves the mount's other subprotocols possible", async () => {
    const options = { authToken: true, websocket: { subprotocols: ["json"] } };
    expect(await offer(`json, ${token}`, options)).toEqual([101, "json", "my-auth-token"]);
    expect(await offer(`json, phoenix, ${token}`, options)).toEqual([101, "phoenix", "my-auth-token"]);
    expect(await offer(`other, ${token}`, options)).toEqual([403, undefined, undefined]);
  });
});

describe("subprotocols", () => {
  const offer = async (protocols: string | undefined, subprotocols: readonly string[] | undefined) => {
    const { shake } = await mounted(subprotocols === undefined ? {} : { websocket: { subprotocols } });
    const { status, headers } = await shake("", { headers: { "sec-websocket-protocol": protocols } });
    return [status, headers["sec-websocket-protocol"]];
  };

  it("are ignored where none are configured", async () => {
    expect(await offer("a, b", undefined)).toEqual([101, undefined]);
  });

  it("are answered with the first configured one that is offered", async () => {
    expect(await offer("b, a", ["a", "b"])).toEqual([101, "a"]);
    expect(await offer("b", ["a", "b"])).toEqual([101, "b"]);
  });

  it("are refused where none of them is configured", async () => {
    expect(await offer("c", ["a", "b"])).toEqual([403, undefined]);
    expect(await offer("a", [])).toEqual([403, undefined]);
  });

  it("need not be offered", async () => {
    expect(await offer(undefined, ["a"])).toEqual([101, undefined]);
  });
});

describe("the origin", () => {
  const shakeFrom = async (origin: string, checkOrigin?: MountOptions["checkOrigin"]) => {
    const { status, asked } = await mounted(checkOrigin === undefined ? {} : { checkOrigin });
    const answer = await status("", { origin });
    // The check comes before everything else.
    expect(asked).toHaveLength(answer === 101 ? 1 : 0);
    return answer;
  };

  it("is the request's own host by default", async () => {
    expect(await shakeFrom("https://127.0.0.1:9")).toBe(101);
    expect(await shakeFrom("https://evil.com")).toBe(403);
    expect(await shakeFrom("null")).toBe(403);
  });

  it("is the endpoint's public host where that is configured", async () => {
    const users = socket({});
    const { port } = await start({
      sockets: { "/socket": users.routes({}) },
      url: { host: "app.example.com" },
    });
    const status = async (origin: string) =>
      (await shakeHands(port, "/socket/websocket", { headers: { origin } })).status;
    expect(await status("https://app.example.com:444")).toBe(101);
    expect(await status("http://127.0.0.1")).toBe(403);
  });

  it("is free where the check is off", async () => {
    expect(await shakeFrom("https://evil.com", false)).toBe(101);
    expect(await shakeFrom("null", false)).toBe(101);
  });

  it("is one of a list", async () => {
    expect(await shakeFrom("https://a.example.com", ["https://*.example.com"])).toBe(101);
    expect(await shakeFrom("http://a.example.com", ["https://*.example.com"])).toBe(403);
  });

  it("is that of the request itself", async () => {
    const { status, port } = await mounted({ checkOrigin: "same" });
    expect(await status("", { origin: `http://127.0.0.1:${port}` })).toBe(101);
    expect(await status("", { origin: `ws://127.0.0.1:${port}` })).toBe(403);
    expect(await status("", { origin: "http://127.0.0.1" })).toBe(403);
  });

  it("is judged by the application", async () => {
    expect(await shakeFrom("app://x", ({ scheme }) => scheme === "app")).toBe(101);
    expect(await shakeFrom("web://x", ({ scheme }) => scheme === "app")).toBe(403);
  });

  it("is judged by each mount for itself, also for the same socket", async () => {
    const users = socket({}).routes({});
    const { port } = await start({
      sockets: {
        "/a": { socket: users, checkOrigin: ["//a.com"] },
        "/b": { socket: users, checkOrigin: ["//b.com"] },
      },
    });
    const headers = { origin: "https://a.com" };
    expect((await shakeHands(port, "/a/websocket", { headers })).status).toBe(101);
    expect((await shakeHands(port, "/b/websocket", { headers })).status).toBe(403);
  });

  it("of a list must have a host, or the endpoint is not made", async () => {
    await expect(mounted({ checkOrigin: ["example.com"] })).rejects.toMatchObject({
      code: "endpoint_config_invalid",
    });
  });
});

import { afterEach, describe, expect, it } from "vitest";
import type { Endpoint } from "../../src/create-endpoint.js";
import { accept, ok, phoenixToken, phoenixTokenVerifier, socket } from "../../src/index.js";
import { useEndpoints } from "../support/endpoints.js";
import { shakeHands } from "../support/handshake.js";
import { ask } from "../support/http.js";
import { MemoryLogger } from "../support/node.js";
import { disconnect, joinTopic, outcome, phoenixVariants } from "../support/phoenix-clients.js";
import { until } from "../support/wait.js";

const tokens = phoenixToken({ secret: "a secret of more than twenty bytes", salt: "user auth" });
const users = socket({
  auth: { verifier: phoenixTokenVerifier({ tokens }), param: "token", cookie: "sid" },
  connect: ({ token, params, info }) => accept({ user: token.subject, params: { ...params }, uri: info.uri }),
});
const room = users.channel({ join: (ch) => ok({ user: ch.assigns.user, uri: ch.assigns.uri }) });
const good = tokens.sign("ann");
const expired = tokens.sign("ann", { signedAtSeconds: 1_000, maxAgeSeconds: 1 });

const bearer = (token: string) =>
  `phoenix, base64url.bearer.phx.${Buffer.from(token).toString("base64").replaceAll("=", "")}`;

describe("a server whose clients need tokens", () => {
  const start = useEndpoints();
  const logger = new MemoryLogger();
  const serve = () =>
    start({
      sockets: { "/socket": { socket: users.routes({ "room:*": room }), longpoll: { windowMs: 2_000 } } },
      logger,
    });
  const refusals = (endpoint: Endpoint) => endpoint.stats().refused_tokens_total;

  afterEach(() => {
    const written = JSON.stringify(logger.lines.splice(0));
    for (const secret of [good, expired, good.slice(0, 40), good.slice(-20)])
      expect(written).not.toContain(secret);
  });

  // The older client knows no authToken; its users put it into params.
  const newest = phoenixVariants.filter(({ name }) => name.includes("newest"));
  it.each(newest)("lets in $name with its authToken", async ({ connect }) => {
    const { port } = await serve();
    const client = connect(port, { authToken: good });
    const channel = client.channel("room:1");
    expect(await outcome(channel.join())).toMatchObject(["ok", { user: "ann" }]);
    await disconnect(client);
  });

  it.each(phoenixVariants)("lets in $name with a parameter, which goes no further", async ({ connect }) => {
    const { port } = await serve();
    const client = connect(port, { params: { token: good } });
    const channel = client.channel("room:1");
    const [status, response] = await outcome(channel.join());
    expect([status, response]).toMatchObject(["ok", { user: "ann" }]);
    expect(JSON.stringify(response)).not.toContain(good.slice(0, 20));
    await disconnect(client);
  });

  it.each(phoenixVariants)("keeps out $name with a dead token, as often as it comes", async ({ connect }) => {
    const { endpoint, port } = await serve();
    const client = connect(port, { params: { token: expired } });
    await until(() => refusals(endpoint) >= 3, "three refusals");
    expect(endpoint.stats().connections).toBe(0);
    await disconnect(client);
  });

  it("answers a WebSocket's handshake", async () => {
    const { port } = await serve();
    const target = "/socket/websocket?vsn=2.0.0";
    const shake = async (headers: Record<string, string>, query = "") => {
      const answer = await shakeHands(port, `${target}${query}`, { headers });
      return [answer.status, answer.headers["www-authenticate"], answer.body];
    };
    expect(await shake({})).toEqual([401, "Bearer", ""]);
    const refused = [401, 'Bearer error="invalid_token"', ""];
    expect(await shake({ "sec-websocket-protocol": bearer(expired) })).toEqual(refused);
    expect(await shake({ "sec-websocket-protocol": bearer("nonsense") })).toEqual(refused);
    expect(await shake({ "sec-websocket-protocol": bearer(good) })).toEqual([101, undefined, ""]);
    const twice = await shake({ "sec-websocket-protocol": bearer(good) }, `&token=${good}`);
    expect(twice).toEqual([400, 'Bearer error="invalid_request"', ""]);
    const evil = await shake({ "sec-websocket-protocol": bearer(good), origin: "https://evil.example" });
    expect(evil).toEqual([403, undefined, ""]);
    const cookie = `sid=${good}`;
    expect(await shake({ cookie })).toEqual([101, undefined, ""]);
    expect(await shake({ cookie, origin: `http://127.0.0.1:${port}` })).toEqual([101, undefined, ""]);
    // Node's own limit on headers comes first.
    expect((await shake({ "sec-websocket-protocol": bearer("x".repeat(1_000_000)) }))[0]).toBe(431);
  });

  it("answers a poll", async () => {
    const { port } = await serve();
    const poll = async (headers: Record<string, string>) => {
      const answer = await ask(port, "/socket/longpoll?vsn=2.0.0", { headers });
      return [answer.status, answer.headers["www-authenticate"], JSON.parse(answer.body)];
    };
    // The HTTP status is for people and proxies; clients know 403 in the body, and no 401.
    expect(await poll({})).toEqual([401, "Bearer", { status: 403 }]);
    const invalid = [401, 'Bearer error="invalid_token"', { status: 403 }];
    expect(await poll({ "x-phoenix-authtoken": expired })).toEqual(invalid);
    expect(await poll({ "x-phoenix-authtoken": "é\u00ff" })).toEqual(invalid);
    const accepted = await poll({ "x-phoenix-authtoken": good });
    expect(accepted).toMatchObject([200, undefined, { status: 410, messages: [] }]);
    // A session of another's is found by its own token alone, and that says nothing of who asks.
    const [, , { token }] = accepted as [number, undefined, { token: string }];
    const forged = `${token.slice(0, -2)}${token.endsWith("AA") ? "BB" : "AA"}`;
    expect(await poll({ "x-phoenix-longpoll-token": forged })).toEqual([401, "Bearer", { status: 403 }]);
  });

  it("counts a client that was let in as one", async () => {
    const { endpoint, port } = await serve();
    const [variant] = newest;
    const client = variant?.connect(port, { authToken: good });
    expect(client).toBeDefined();
    if (client === undefined) return;
    await joinTopic(client, "room:1");
    expect(endpoint.stats()).toMatchObject({ connections: 1, refused_tokens_total: 0 });
    await disconnect(client);
  });
});

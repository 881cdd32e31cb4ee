import { RealtimeClient } from "@supabase/realtime-js";
import type { Channel, Socket } from "phoenix";
import { accept, createEndpoint, type Endpoint, ok, socket } from "simurgh";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { silentLogger } from "../../src/edges/system/logger.js";
import { type Claims, jsonToken, jsonVerifier } from "../support/json-tokens.js";
import { disconnect, joinTopic, outcome, phoenixVariants } from "../support/phoenix-clients.js";
import { until } from "../support/wait.js";

const nowS = () => Math.floor(Date.now() / 1_000);

/** A token of a user who may join every room, and send to it. */
function tokenOf(sub: string, claims: Claims = {}): string {
  const permissions = { "room:*": ["join", "push"], "realtime:*": ["join"] };
  return jsonToken({ sub, iat: nowS() - 10, exp: nowS() + 600, permissions, ...claims });
}

const endpoints: Endpoint[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const one of sockets.splice(0)) await disconnect(one);
  for (const endpoint of endpoints.splice(0)) await endpoint.stop();
});

async function serve(param: string) {
  const users = socket({
    auth: { verifier: jsonVerifier, permissions: "permissions", param },
    connect: ({ token }) => accept({ user: token.subject }),
  });
  const room = users.channel({ join: () => ok(), in: { ping: (_ch, payload) => ok(payload) } });
  const routes = users.routes({ "room:*": room, "realtime:*": room });
  const endpoint = createEndpoint({
    sockets: { "/socket": { socket: routes, longpoll: true, checkOrigin: false } },
    logger: silentLogger,
  });
  endpoints.push(endpoint);
  return { endpoint, ...(await endpoint.listen({ port: 0, host: "127.0.0.1" })) };
}

/** What a client says on its own topic, and what is said to it there. */
function ownMessages(client: Socket): { readonly event: string; readonly payload: unknown }[] {
  const seen: { event: string; payload: unknown }[] = [];
  client.onMessage((message) => {
    // Messages as every version of the client passes them on.
    const { topic, event, payload } = message as { topic: string; event: string; payload: unknown };
    if (topic === "phoenix") seen.push({ event, payload });
  });
  return seen;
}

describe.each(phoenixVariants)("$name", ({ connect: open }) => {
  function connect(port: number, token: () => string): Socket {
    const client = open(port, { params: () => ({ token: token() }) });
    sockets.push(client);
    return client;
  }

  test("renews its token on a channel and on the socket's own topic", async () => {
    const { port, endpoint } = await serve("token");
    const client = connect(port, () => tokenOf("ada"));
    const channel = await joinTopic(client, "room:1");
    const exp = nowS() + 1_200;
    const renewed = { access_token: tokenOf("ada", { exp }) };
    expect(await outcome(channel.push("access_token", renewed))).toEqual(["ok", { expires_at: exp }]);
    expect(await outcome(channel.push("access_token", { access_token: tokenOf("grace") }))).toEqual([
      "error",
      { reason: "token other subject" },
    ]);
    const own = ownMessages(client);
    // Its types know of no message without a channel.
    const message = { topic: "phoenix", event: "access_token", payload: renewed, ref: "own", join_ref: null };
    client.push(message as never);
    await until(() => own.length > 0, "the answer has come");
    expect(own).toEqual([{ event: "phx_reply", payload: { status: "ok", response: { expires_at: exp } } }]);
    expect(await outcome(channel.push("ping", { n: 1 }))).toEqual(["ok", { n: 1 }]);
    expect(endpoint.stats()).toMatchObject({ token_refreshes_total: 2, connections: 1 });
  });

  test("comes back with a new token after its old one was revoked, and joins anew", async () => {
    const { port, endpoint } = await serve("token");
    let token = tokenOf("ada", { jti: "t1" });
    const client = connect(port, () => token);
    const channel = await joinTopic(client, "room:1");
    token = tokenOf("ada", { jti: "t2" });
    endpoint.revoke({ tokenId: "t1" });
    await until(() => endpoint.stats().connects_total >= 2, "it comes back");
    await until(() => channel.state === "joined", "it has joined again");
    // The oldest client may open a session of long poll more than it uses.
    expect(endpoint.stats()).toMatchObject({ revoked_closes_total: 1, channels: 1 });
  });

  test("is told that a channel is not granted any more, and does not ask for it again", async () => {
    const { port, endpoint } = await serve("token");
    const client = connect(port, () => tokenOf("ada"));
    const [lost, kept] = [await joinTopic(client, "room:1"), await joinTopic(client, "room:2")];
    const told: unknown[] = [];
    lost.onClose((payload?: unknown) => void told.push(payload));
    const permissions = { "room:2": ["join", "push"] };
    const renewal = kept.push("access_token", { access_token: tokenOf("ada", { permissions }) });
    expect((await outcome(renewal))[0]).toBe("ok");
    await until(() => told.length === 1, "it is told");
    expect(told).toEqual([{ reason: "permission lost" }]);
    expect(lost.state).toBe("closed" satisfies Channel["state"]);
    expect(await outcome(kept.push("ping", {}))).toEqual(["ok", {}]);
    const denied = client.channel("room:3");
    expect(await outcome(denied.join())).toEqual(["error", { reason: "unauthorized" }]);
    denied.leave();
    expect(endpoint.stats()).toMatchObject({ channels: 1, lost_permissions_total: 1 });
  });
});

describe("the client of Supabase", () => {
  const clients: RealtimeClient[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.disconnect();
  });

  test("renews the token of its socket by setAuth, on all channels at once", async () => {
    const { port, endpoint } = await serve("apikey");
    const client = new RealtimeClient(`ws://127.0.0.1:${port}/socket`, {
      transport: WebSocket as never,
      params: { apikey: tokenOf("ada") },
    });
    clients.push(client);
    const states = ["lobby", "den"].map((name) => {
      const seen: string[] = [];
      client.channel(name).subscribe((state) => void seen.push(state));
      return seen;
    });
    await until(() => states.every((seen) => seen.at(-1) === "SUBSCRIBED"), "both are subscribed");
    await client.setAuth(tokenOf("ada", { exp: nowS() + 1_200 }));
    await until(() => endpoint.stats().token_refreshes_total > 0, "the token is renewed");
    const permissions = { "realtime:lobby": ["join"] };
    await client.setAuth(tokenOf("ada", { permissions }));
    await until(() => endpoint.stats().channels === 1, "the other one is closed");
    await until(() => states[1]?.at(-1) === "CLOSED", "it is told");
    expect(states[0]).toEqual(["SUBSCRIBED"]);
    expect(endpoint.stats()).toMatchObject({ connections: 1, refused_refreshes_total: 0 });
  });
});

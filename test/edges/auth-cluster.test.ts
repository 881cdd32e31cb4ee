import type { PubSubEngineUnderTest } from "simurgh/testing";
import { afterEach, describe, expect, it } from "vitest";
import { ok } from "../../src/runtime/result.js";
import { accept, socket } from "../../src/runtime/socket-definition.js";
import { connectChannels, replyFrame } from "../support/channel-client.js";
import { type Listening, useEndpoints } from "../support/endpoints.js";
import { hubEngine } from "../support/hub-engine.js";
import { type Claims, jsonToken, jsonVerifier } from "../support/json-tokens.js";
import { startPolling } from "../support/poll-client.js";
import { meshEngine } from "../support/pubsub-engines.js";
import { until } from "../support/wait.js";
import { askPoll } from "../support/wire-client.js";

const secretKeyBase = "a secret of enough bytes for tests";
const users = socket({
  auth: { verifier: jsonVerifier, param: "token", permissions: "permissions" },
  connect: ({ token }) => accept({ user: token.subject }),
  id: ({ assigns }) => `users_socket:${assigns.user}`,
});
const room = users.channel({ join: () => ok(), in: { ping: (_ch, payload) => ok(payload) } });
const sockets = { "/socket": { socket: users.routes({ "room:*": room }), longpoll: true } };

const nowS = () => Math.floor(Date.now() / 1_000);

function query(sub: string, claims: Claims = {}): string {
  const permissions = { "room:*": ["*"] };
  return `token=${encodeURIComponent(jsonToken({ sub, iat: nowS() - 10, permissions, ...claims }))}`;
}

const poll = (sub: string, claims: Claims = {}) => `/socket/longpoll?vsn=2.0.0&${query(sub, claims)}`;

describe.each<PubSubEngineUnderTest>([hubEngine(), meshEngine])(
  "tokens on three nodes by $engine",
  (engine) => {
    const start = useEndpoints();
    const disposals: (() => Promise<void>)[] = [];
    afterEach(async () => {
      for (const dispose of disposals.splice(0)) await dispose();
    });

    /** Nodes that know each other, and a way to start one more. */
    async function cluster(count: number) {
      const made = await engine.createCluster();
      disposals.push(() => made.dispose());
      const adapters: ReturnType<typeof made.createAdapter>[] = [];
      const nodes: Listening[] = [];
      const join = async (): Promise<Listening> => {
        const pubsub = made.createAdapter();
        const name = `n${nodes.length + 1}@test`;
        const node = await start({ sockets, pubsub, secretKeyBase, name });
        await made.introduce(pubsub, adapters);
        adapters.push(pubsub);
        nodes.push(node);
        await until(
          () => nodes.every(({ endpoint }) => endpoint.nodes().length === nodes.length - 1),
          "they know each other",
        );
        return node;
      };
      while (nodes.length < count) await join();
      return { nodes, join };
    }

    it("that are revoked on one close their sockets on another, and are refused by all", async () => {
      const { nodes } = await cluster(3);
      const [a, b, c] = nodes;
      if (a === undefined || b === undefined || c === undefined) throw new Error("three were started");
      const ada = await connectChannels(c.port, query("ada"));
      const grace = await connectChannels(c.port, query("grace"));
      await ada.join("room:1");
      await grace.join("room:1");
      const beganMs = performance.now();
      a.endpoint.revoke({ user: "ada" });
      await until(() => ada.wire.closing !== undefined, "the socket is closed");
      expect(performance.now() - beganMs).toBeLessThan(1_000);
      expect(ada.wire.closing).toEqual({ code: 4003, reason: "token revoked" });
      await grace.silence();
      for (const { port } of nodes) await expect(connectChannels(port, query("ada"))).rejects.toThrow("401");
      await connectChannels(b.port, query("ada", { iat: nowS() + 2 }));
      expect(c.endpoint.stats()).toMatchObject({ connections: 1, revoked_closes_total: 1 });
    });

    it("that were revoked before a node came are refused there, too, and closed if they came first", async () => {
      const { nodes, join } = await cluster(2);
      for (let i = 0; i < 450; i++) nodes[0]?.endpoint.revoke({ user: `user ${i}` });
      nodes[1]?.endpoint.revoke({ tokenId: "t1" });
      const late = await join();
      const refused = async () => {
        const client = await connectChannels(late.port, query("ada", { jti: "t1" })).catch(() => undefined);
        if (client !== undefined) await until(() => client.wire.closing?.code === 4003, "it is closed");
        return client === undefined;
      };
      while (!(await refused()));
      await expect(connectChannels(late.port, query("user 449"))).rejects.toThrow("401");
    });

    it("are renewed and revoked on sessions of long poll alike, through any node", async () => {
      const { nodes } = await cluster(2);
      const [a, b] = nodes;
      if (a === undefined || b === undefined) throw new Error("two were started");
      const client = await startPolling(a.port, poll("ada"));
      const exp = nowS() + 60;
      const renewed = jsonToken({ sub: "ada", iat: nowS() - 5, exp, permissions: {} });
      await client.post(["1", "1", "room:1", "phx_join", {}], b.port);
      expect(await client.messages(b.port)).toEqual([replyFrame("1", "1", "room:1", "ok")]);
      await client.post(["1", "2", "room:1", "access_token", { access_token: renewed }], b.port);
      await client.post(["1", "3", "room:1", "ping", {}], b.port);
      const messages: unknown[] = [];
      while (messages.length < 3) messages.push(...(await client.messages(b.port)));
      expect(messages).toEqual([
        replyFrame("1", "2", "room:1", "ok", { expires_at: exp }),
        ["1", "1", "room:1", "phx_close", { reason: "permission lost" }],
        replyFrame(null, "3", "room:1", "error", { reason: "unmatched topic" }),
      ]);
      b.endpoint.revoke({ socketId: "users_socket:ada" });
      await until(() => a.endpoint.stats().connections === 0, "the session is over");
      expect(await client.get()).toMatchObject({ status: 403, http: 401 });
      expect(await askPoll(a.port, poll("ada"))).toMatchObject({ status: 403, http: 401 });
    });
  },
);

describe("a token that expires", () => {
  const start = useEndpoints();

  it("closes its socket, and its session of long poll", async () => {
    const { port, endpoint } = await start({ sockets });
    const claims = { exp: nowS() + 3 };
    const client = await connectChannels(port, query("ada", claims));
    const polling = await startPolling(port, poll("ada", claims));
    expect(await client.next()).toMatchObject([
      null,
      null,
      "phoenix",
      "token_expiring",
      { expires_at: claims.exp },
    ]);
    expect(await polling.messages()).toMatchObject([[null, null, "phoenix", "token_expiring", {}]]);
    await until(() => endpoint.stats().connections === 0, "both are gone");
    await until(() => client.wire.closing !== undefined, "the close has come");
    expect(client.wire.closing).toEqual({ code: 4001, reason: "token expired" });
    expect(nowS()).toBeGreaterThanOrEqual(claims.exp);
    expect(await askPoll(port, poll("ada", claims))).toMatchObject({ status: 403, http: 401 });
  });

  it("and is shown again and again is refused ever later, with 429", async () => {
    const { port, endpoint } = await start({ sockets, auth: { replay: { delayMs: 100 } } });
    const dead = query("ada", { exp: 1 });
    for (let i = 0; i < 2; i++) await expect(connectChannels(port, dead)).rejects.toThrow("401");
    const beganMs = performance.now();
    await expect(connectChannels(port, dead)).rejects.toThrow("429");
    expect(performance.now() - beganMs).toBeGreaterThanOrEqual(99);
    const answer = await askPoll(port, `/socket/longpoll?vsn=2.0.0&${dead}`);
    expect(answer).toMatchObject({ status: 403, http: 429, headers: { "retry-after": "1" } });
    expect(endpoint.stats().replayed_tokens_total).toBe(2);
  });
});

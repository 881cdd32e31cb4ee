import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import type { Revocation } from "../../src/runtime/auth/auth-options.js";
import { decodeRevocations } from "../../src/runtime/auth/revocation-wire.js";
import { Broadcast } from "../../src/runtime/broadcast.js";
import { ok } from "../../src/runtime/result.js";
import { accept, socket } from "../../src/runtime/socket-definition.js";
import { FakeClock } from "../support/fake-clock.js";
import { FakeCluster } from "../support/fake-cluster.js";
import { type Claims, jsonToken, jsonVerifier, withToken } from "../support/json-tokens.js";
import { type FakeNode, startNode, startNodeOn, turn } from "../support/node.js";

const users = socket({
  auth: { verifier: jsonVerifier },
  connect: ({ token }) => accept({ user: token.subject }),
  id: ({ assigns }) => `users_socket:${assigns.user}`,
});
const routes = users.routes({ "room:*": users.channel({ join: () => ok() }) });
type Node = Awaited<ReturnType<typeof startNodeOn>>;

const running: { readonly core: FakeNode["core"] }[] = [];
afterEach(async () => {
  for (const { core } of running.splice(0)) await core.stop();
});

async function startCluster(names: readonly string[], entriesMax = 1_000) {
  const cluster = new FakeCluster(new FakeClock());
  const start = async (name: string): Promise<Node> => {
    const options = { name, checkOrigin: false, auth: { revocationsMax: entriesMax } } as const;
    const node = await startNodeOn(cluster.createAdapter(), routes, options, cluster.clock);
    running.push(node);
    return node;
  };
  const nodes: Node[] = [];
  for (const name of names) nodes.push(await start(name));
  return { cluster, nodes, start, clock: cluster.clock };
}

const ada = (clock: FakeClock, claims: Claims = {}) =>
  withToken(jsonToken({ sub: "ada", jti: "t1", iat: clock.now() / 1_000 - 5, ...claims }));

describe("a revocation", () => {
  const all: readonly (readonly [Revocation | ((now: Date) => Revocation), Claims, boolean])[] = [
    [{ user: "ada" }, {}, true],
    [{ user: "grace" }, {}, false],
    [{ socketId: "users_socket:ada" }, {}, true],
    [{ socketId: "ada" }, {}, false],
    [{ tokenId: "t1" }, {}, true],
    [{ tokenId: "t2" }, {}, false],
    [(now) => ({ issuedBefore: now }), {}, true],
    [(now) => ({ issuedBefore: new Date(now.getTime() - 6_000) }), {}, false],
    [(now) => ({ user: "ada", issuedBefore: new Date(now.getTime() - 6_000) }), {}, false],
    [(now) => ({ user: "ada", issuedBefore: new Date(now.getTime() - 4_000) }), {}, true],
    [{ user: "ada" }, { iat: undefined as never, exp: 9_999_999_999 }, true],
  ];

  it.each(all)(
    "%j closes the socket on another node, and refuses its token everywhere: %j %s",
    async (revocation, claims, revoked) => {
      const { nodes, clock } = await startCluster(["a", "b", "c"]);
      const [a, b, c] = nodes;
      const client = await c?.connect(ada(clock, claims));
      a?.core.revoke(typeof revocation === "function" ? revocation(new Date(clock.now())) : revocation);
      await clock.advance(200);
      expect(client?.sink.closing).toEqual(revoked ? { code: 4003, reason: "token revoked" } : undefined);
      for (const node of [a, b, c]) {
        const again = node?.connect(ada(clock, claims));
        if (revoked) await expect(again).rejects.toThrow("refused with 401");
        else await again;
      }
      expect(c?.core.counters.revoked_closes_total).toBe(revoked ? 1 : 0);
    },
  );

  it("of many sockets closes them in their turn, also those that are revoked meanwhile", async () => {
    const { nodes, clock } = await startCluster(["a"]);
    const [node] = nodes;
    const clients = [];
    for (let i = 0; i < 4_500; i++)
      clients.push(await node?.connect(ada(clock, { sub: `user ${i}`, jti: `t${i}` })));
    node?.core.revoke({ tokenId: "t4400" });
    await clock.advance(0);
    for (const n of [0, 4_499]) node?.core.revoke({ tokenId: `t${n}` });
    await clock.advance(100);
    for (let i = 0; i < 8; i++) await turn();
    const closed = clients.flatMap((client, i) => (client?.sink.closing?.code === 4003 ? [i] : []));
    expect(closed).toEqual([0, 4_400, 4_499]);
  });

  it("lets the user in again with a token that is newer", async () => {
    const { nodes, clock } = await startCluster(["a", "b"]);
    nodes[0]?.core.revoke({ user: "ada" });
    await clock.advance(1_000);
    await nodes[1]?.connect(ada(clock, { iat: clock.now() / 1_000 }));
  });

  it("refuses the token also when it is to renew another", async () => {
    const { nodes, clock } = await startCluster(["a", "b"]);
    const iat = clock.now() / 1_000;
    const client = await nodes[1]?.connect(ada(clock, { jti: "t2" }));
    nodes[0]?.core.revoke({ tokenId: "t1" });
    await clock.advance(200);
    client?.send([
      null,
      "r",
      "phoenix",
      "access_token",
      { access_token: jsonToken({ sub: "ada", jti: "t1", iat }) },
    ]);
    expect(await client?.received()).toMatchObject([
      [null, "r", "phoenix", "phx_reply", { status: "error", response: { reason: "token revoked" } }],
    ]);
    expect(client?.sink.closing).toBeUndefined();
  });

  it("concerns the token that a socket has now, not the one that it came with", async () => {
    const { nodes, clock } = await startCluster(["a"]);
    const [node] = nodes;
    const client = await node?.connect(ada(clock));
    const renewed = jsonToken({ sub: "ada", jti: "t2", iat: clock.now() / 1_000 });
    client?.send([null, "r", "phoenix", "access_token", { access_token: renewed }]);
    await client?.received();
    node?.core.revoke({ tokenId: "t1" });
    await clock.advance(200);
    expect(client?.sink.closing).toBeUndefined();
    node?.core.revoke({ tokenId: "t2" });
    await clock.advance(200);
    expect(client?.sink.closing?.code).toBe(4003);
  });

  it("is remembered until the tokens have expired", async () => {
    const { nodes, clock } = await startCluster(["a", "b"]);
    for (const node of nodes) node.core.revoke({ user: "ada" });
    clock.skip(14 * 86_400_000 - 60_000);
    await clock.advance(5_000);
    expect(nodes.map(({ core }) => core.auth.revocations.size)).toEqual([1, 1]);
    clock.skip(60_000);
    await clock.advance(5_001);
    expect(nodes.map(({ core }) => core.auth.revocations.size)).toEqual([0, 0]);
  });

  it("of very many makes the oldest clients sign in again, and says so", async () => {
    const { nodes, clock } = await startCluster(["a", "b"], 3);
    for (let i = 0; i < 5; i++) {
      nodes[0]?.core.revoke({ user: `user ${i}` });
      await clock.advance(1_000);
    }
    for (const node of nodes) {
      expect(node.core.auth.revocations.size).toBe(3);
      expect(node.logger.at("warn")).toContain(
        "too many revocations: the oldest now revoke everything issued before them",
      );
    }
    await expect(nodes[1]?.connect(ada(clock, { iat: clock.now() / 1_000 - 5 }))).rejects.toThrow("401");
    await nodes[1]?.connect(ada(clock, { iat: clock.now() / 1_000 - 2 }));
  });

  it.each([
    [{}],
    [{ user: "" }],
    [{ user: 7 }],
    [{ user: "x".repeat(513) }],
    [{ user: "ada", tokenId: "t1" }],
    [{ user: "ada", socketId: "x" }],
    [{ issuedBefore: new Date(8e15) }],
    [{ issuedBefore: new Date(Number.NaN) }],
    [{ issuedBefore: 1_700_000_000 }],
    [{ user: "ada", issuedBefore: "now" }],
  ])("%j cannot be meant", async (revocation) => {
    const { core } = await startNode(routes);
    expect(() => core.revoke(revocation as never)).toThrow(
      expect.objectContaining({ code: "revocation_invalid" }),
    );
  });

  it("is not possible on a node that does not run", async () => {
    const { core } = await startNode(routes);
    await core.stop();
    expect(() => core.revoke({ user: "ada" })).toThrow(expect.objectContaining({ code: "endpoint_state" }));
  });
});

describe("a node that missed a revocation", () => {
  it.each([
    ["noticed", true, 1_000],
    ["nobody noticed", false, 6_000],
  ])("in a partition that %s learns it when that is over", async (_how, tell, withinMs) => {
    const { cluster, nodes, clock } = await startCluster(["a", "b", "c"]);
    const [a, b, c] = nodes;
    const client = await c?.connect(ada(clock));
    const other = await a?.connect(ada(clock, { sub: "grace", jti: "t2" }));
    cluster.cutOff(["c"], tell);
    a?.core.revoke({ user: "ada" });
    c?.core.revoke({ user: "grace" });
    await clock.advance(20_000);
    expect(client?.sink.closing).toBeUndefined();
    expect(other?.sink.closing).toBeUndefined();
    cluster.heal(tell);
    await clock.advance(withinMs);
    expect(client?.sink.closing?.code).toBe(4003);
    expect(other?.sink.closing?.code).toBe(4003);
    const iat = clock.now() / 1_000 - 60;
    await expect(b?.connect(ada(clock, { sub: "grace", iat }))).rejects.toThrow("401");
  });

  it("as it was not there yet learns it at its start", async () => {
    const { nodes, start, clock } = await startCluster(["a", "b"]);
    for (let i = 0; i < 500; i++) nodes[0]?.core.revoke({ user: `user ${i}` });
    nodes[1]?.core.revoke({ issuedBefore: new Date(clock.now() - 60_000) });
    await clock.advance(20_000);
    const late = await start("late");
    await clock.advance(1_000);
    expect(late.core.auth.revocations.size).toBe(500);
    await expect(late.connect(ada(clock, { iat: clock.now() / 1_000 - 120 }))).rejects.toThrow("401");
  });

  it("learns all there is from a cluster that loses a third of its messages", {
    timeout: 30_000,
  }, async () => {
    const action = fc.record({ node: fc.nat(2), user: fc.nat(9), waitMs: fc.nat(3_000) });
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 12 }), fc.nat(2), async (actions, shift) => {
        const { cluster, nodes, clock } = await startCluster(["a", "b", "c"], 5);
        cluster.loses = (message) => (message * 7 + shift) % 3 === 0;
        for (const { node, user, waitMs } of actions) {
          nodes[node]?.core.revoke({ user: `user ${user}` });
          await clock.advance(waitMs);
        }
        cluster.loses = () => false;
        await clock.advance(11_000);
        const said = nodes.map(({ core }) => core.auth.revocations.summary());
        expect(said).toEqual([said[0], said[0], said[0]]);
        await Promise.all(nodes.map(({ core }) => core.stop()));
      }),
      { numRuns: 30 },
    );
  });
});

describe("nodes that agree", () => {
  it("say nothing as long as nothing was revoked", async () => {
    const { cluster, clock } = await startCluster(["a", "b", "c"]);
    await clock.advance(1_000);
    const before = cluster.published;
    await clock.advance(60_000);
    expect(cluster.published).toBe(before);
  });

  it("say little after that", async () => {
    const { cluster, nodes, clock } = await startCluster(["a", "b", "c"]);
    for (let i = 0; i < 1_000; i++) nodes[0]?.core.revoke({ user: `user ${i}` });
    await clock.advance(30_000);
    const [published, bytes] = [cluster.published, cluster.publishedBytes];
    await clock.advance(60_000);
    // A summary of each of them every 5 seconds.
    expect(cluster.published - published).toBeLessThanOrEqual(3 * 13);
    expect(cluster.publishedBytes - bytes).toBeLessThan(3 * 13 * 1_000);
  });
});

describe("what comes from other nodes and makes no sense", () => {
  const numbers = Array.from({ length: 64 }, () => 1);
  it.each([
    ["entries", {}],
    ["entries", { everyoneBeforeS: -1, entries: [] }],
    ["entries", { everyoneBeforeS: 0, entries: [["user:ada"]] }],
    ["entries", { everyoneBeforeS: 0, entries: [["admin:ada", 1]] }],
    ["entries", { everyoneBeforeS: 0, entries: [["user:ada", 1.5]] }],
    ["entries", { everyoneBeforeS: 0, entries: { length: 1 } }],
    ["digest", { from: "a", everyoneBeforeS: 0, parts: [1] }],
    ["digest", { from: 1, everyoneBeforeS: 0, parts: numbers }],
    ["pull", { to: "a", parts: ["1"] }],
    ["disconnect", {}],
    ["entries", Uint8Array.of(1)],
  ])("is not read: %s %j", (event, payload) => {
    expect(decodeRevocations(Broadcast.of("t", event, payload))).toBeUndefined();
  });

  it("is logged, and nothing else happens", async () => {
    const { core, adapter, logger } = await startNode(routes);
    adapter.host?.deliver("phx:auth:revocations", Broadcast.of("t", "entries", { entries: 7 }).encode());
    expect(logger.at("warn")).toEqual(["message from another node is no revocation"]);
    expect(core.auth.revocations.size).toBe(0);
  });

  it("is no client's business", async () => {
    const anything = socket();
    const open = anything.routes({ "*": anything.channel({ join: () => ok() }) });
    const node = await startNode(open);
    const client = await node.connect();
    expect(JSON.stringify(await client.join("phx:auth:revocations"))).toContain("unmatched topic");
    await turn();
  });
});

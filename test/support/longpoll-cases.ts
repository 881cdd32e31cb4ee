import type { PubSubEngineUnderTest } from "simurgh/testing";
import { afterEach, expect, it } from "vitest";
import type { LongPollOptions } from "../../src/runtime/endpoint-options.js";
import { ok, type Reply } from "../../src/runtime/result.js";
import { accept, socket } from "../../src/runtime/socket-definition.js";
import { replyFrame as answer } from "./channel-client.js";
import { type Listening, useEndpoints } from "./endpoints.js";
import { abandonedPoll, poller, startPolling } from "./poll-client.js";
import { until } from "./wait.js";

const target = "/socket/longpoll?vsn=2.0.0";
const secretKeyBase = "a secret of enough bytes for tests";

/** Lets the joins of `room:wait` go on. */
const waiting: (() => void)[] = [];
const users = socket({
  connect: ({ params }) => accept({ id: params.id }),
  id: ({ assigns }) => (typeof assigns.id === "string" ? assigns.id : undefined),
});
const room = users.channel({
  join(ch) {
    if (ch.topic !== "room:wait") return ok();
    return new Promise<Reply>((resolve) => void waiting.push(() => resolve(ok())));
  },
  in: { ping: (_ch, payload) => ok(payload), size: (_ch, payload) => ok(JSON.stringify(payload).length) },
});

const join = ["1", "1", "room:1", "phx_join", {}];
const joined = answer("1", "1", "room:1", "ok");

/** Waits until so many polls wait at the sessions of a node. */
const waits = ({ endpoint }: Listening, count: number) =>
  until(() => endpoint.stats().polls_waiting === count, `${count} polls wait`);

/** What long poll does across the nodes of a cluster, whatever the engine between them. To be called within `describe`. */
export function longPollCases(engine: Pick<PubSubEngineUnderTest, "createCluster">): void {
  const start = useEndpoints();
  const disposals: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const dispose of disposals.splice(0)) await dispose();
  });

  async function cluster(
    longpoll: LongPollOptions = {},
    secrets = [secretKeyBase, secretKeyBase, secretKeyBase],
  ) {
    waiting.length = 0;
    const made = await engine.createCluster();
    disposals.push(() => made.dispose());
    const adapters = secrets.map(() => made.createAdapter());
    const nodes: Listening[] = [];
    for (const [i, pubsub] of adapters.entries()) {
      const sockets = { "/socket": { socket: users.routes({ "room:*": room }), longpoll } };
      const secret = secrets[i] ?? secretKeyBase;
      nodes.push(await start({ sockets, pubsub, secretKeyBase: secret, name: `n${i + 1}@test` }));
      await made.introduce(pubsub, adapters.slice(0, i));
    }
    const others = secrets.length - 1;
    await until(
      () => nodes.every(({ endpoint }) => endpoint.nodes().length === others),
      "all know each other",
    );
    const [one, two, three] = nodes;
    if (one === undefined || two === undefined || three === undefined) throw new Error("three nodes");
    return { one, two, three };
  }

  it("serves every request on any node, and the session stays on its own", async () => {
    const { one, two, three } = await cluster();
    const client = await startPolling(one.port);
    expect((await client.post(join, two.port)).status).toBe(200);
    expect(await client.messages(three.port)).toEqual([joined]);
    const poll = client.messages(two.port);
    await waits(one, 1);
    expect((await client.post(["1", "2", "room:1", "ping", { x: 1 }], three.port)).status).toBe(200);
    expect(await poll).toEqual([answer("1", "2", "room:1", "ok", { x: 1 })]);
    const late = client.messages(two.port);
    await waits(one, 1);
    three.endpoint.broadcast("room:1", "late", {});
    expect(await late).toEqual([[null, null, "room:1", "late", {}]]);
    const counts = [one, two, three].map(({ endpoint }) => endpoint.stats().connections);
    expect(counts).toEqual([1, 0, 0]);
  });

  it("answers a poll on another node 204 at the end of the window", async () => {
    const { one, two } = await cluster({ windowMs: 500 });
    const client = await startPolling(one.port);
    expect(await client.get(two.port)).toMatchObject({ status: 204, token: client.token, messages: [] });
  });

  it("waits on another node for the join in a post, and for all lines in their order", async () => {
    const { one, two } = await cluster();
    const client = await startPolling(one.port);
    const ping = (i: number) => JSON.stringify(["1", String(i), "room:1", "ping", i]);
    const lines = [["9", "9", "room:wait", "phx_join", {}], join].map((message) => JSON.stringify(message));
    const posted = client.postLines([...lines, ...Array.from({ length: 50 }, (_, i) => ping(i))], two.port);
    await until(() => waiting.length === 1, "the author is asked");
    waiting[0]?.();
    expect((await posted).status).toBe(200);
    const pongs = Array.from({ length: 50 }, (_, i) => answer("1", String(i), "room:1", "ok", i));
    expect(await client.messages(two.port)).toEqual([answer("9", "9", "room:wait", "ok"), joined, ...pongs]);
  });

  it("answers a post on another node 408 when it is not handled in time", async () => {
    const { one, two } = await cluster({ windowMs: 500, pubsubTimeoutMs: 5_000 });
    const client = await startPolling(one.port);
    const lost = client.get();
    expect((await client.post(["9", "9", "room:wait", "phx_join", {}], two.port)).status).toBe(408);
    await lost;
  });

  it("carries large messages both ways, in pieces where they are many", async () => {
    const { one, two } = await cluster();
    const client = await startPolling(one.port);
    await client.post(join, two.port);
    await client.get(two.port);
    const text = "\u00e4".repeat(100_000);
    const lines = Array.from({ length: 4 }, (_, i) =>
      JSON.stringify(["1", String(i), "room:1", "ping", text]),
    );
    const posted = await client.postLines(lines, two.port);
    expect(posted.status).toBe(200);
    const replies: unknown[] = [];
    let polls = 0;
    while (replies.length < lines.length) {
      replies.push(...(await client.messages(two.port)));
      polls++;
    }
    expect(replies).toEqual(lines.map((_, i) => answer("1", String(i), "room:1", "ok", text)));
    expect(polls).toBeGreaterThan(1);
  });

  it("gives nothing to a poll on another node whose client has gone", async () => {
    const { one, two } = await cluster();
    const client = await startPolling(one.port);
    await client.post(join);
    await client.get();
    const poll = abandonedPoll(two.port, target, client.token);
    await waits(one, 1);
    await poll.abandon();
    await waits(one, 0);
    one.endpoint.broadcast("room:1", "late", {});
    expect(await client.messages(two.port)).toEqual([[null, null, "room:1", "late", {}]]);
  });

  it("tells the end of a session on every node", async () => {
    const { one, two, three } = await cluster();
    const client = await startPolling(one.port, `${target}&id=u1`);
    await client.post(join, two.port);
    await client.get(two.port);
    const poll = client.get(two.port);
    await waits(one, 1);
    three.endpoint.disconnect("u1");
    const ended = await poll;
    expect(ended).toMatchObject({ http: 200, status: 500 });
    expect((await client.post(join, three.port)).status).toBe(410);
    const next = await client.get(two.port);
    expect(next).toMatchObject({ status: 410, messages: [] });
    const again = poller(two.port, target, next.token ?? "");
    expect((await again.post(join, one.port)).status).toBe(200);
    expect(await again.messages(three.port)).toEqual([joined]);
  });

  it("does not wait for a node that is known to be gone", async () => {
    const { one, two } = await cluster({ pubsubTimeoutMs: 600_000 });
    const client = await startPolling(one.port);
    await one.endpoint.stop();
    await until(() => two.endpoint.nodes().length === 1, "its end is known");
    expect((await client.post(join, two.port)).status).toBe(410);
    expect((await client.get(two.port)).status).toBe(410);
  });

  it("answers 410 when the session does not answer in time", async () => {
    const { one, two } = await cluster({ pubsubTimeoutMs: 50, windowMs: 60 });
    const client = await startPolling(one.port);
    await until(() => one.endpoint.stats().connections === 0, "the session has expired");
    expect((await client.post(join, two.port)).status).toBe(410);
    expect((await client.get(two.port)).status).toBe(410);
  });

  it("trusts no token of another secret", async () => {
    const { one, two } = await cluster({}, [secretKeyBase, "another secret of enough bytes", secretKeyBase]);
    const client = await startPolling(one.port);
    expect((await client.post(join, two.port)).status).toBe(410);
    expect((await client.post(join, one.port)).status).toBe(200);
  });

  it("ends the wait for other nodes with the endpoint, and leaves the session to the rest", async () => {
    const { one, two } = await cluster();
    const client = await startPolling(one.port);
    const poll = client.get(two.port);
    await waits(one, 1);
    await two.endpoint.stop();
    expect(await poll).toMatchObject({ http: 200, status: 204, token: client.token });
    await client.post(join);
    expect(await client.messages()).toEqual([joined]);
  });
}

import { describe, expect, it } from "vitest";
import { local } from "../../src/edges/pubsub/local.js";
import { silentLogger } from "../../src/edges/system/logger.js";
import { systemRandom } from "../../src/edges/system/random.js";
import type { Handshake } from "../../src/runtime/connect-request.js";
import { EndpointCore } from "../../src/runtime/endpoint.js";
import type { ClientFrame } from "../../src/runtime/longpoll/answers.js";
import type { LongPoll, PollReply } from "../../src/runtime/longpoll/long-poll.js";
import type { SignerFor } from "../../src/runtime/longpoll/poll-token.js";
import { ok, type Reply } from "../../src/runtime/result.js";
import { socket } from "../../src/runtime/socket-definition.js";
import { replyFrame as answer } from "../support/channel-client.js";
import { FakeClock } from "../support/fake-clock.js";

/** Tokens that are signed with nothing but their purpose. */
const signerFor: SignerFor = (purpose) => ({
  sign: (data) => JSON.stringify([purpose, ...data]),
  verify(token) {
    const [signed, ...data] = JSON.parse(token);
    return signed === purpose ? data : undefined;
  },
});

const handshake: Handshake = {
  transport: "longpoll",
  method: "GET",
  target: "/socket/longpoll?vsn=2.0.0",
  headers: {},
  peer: { address: "127.0.0.1", port: 1 },
  secure: false,
  pathParams: {},
};

const windowMs = 10_000;
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** An endpoint on a clock that is driven, without HTTP. */
async function startCore() {
  const clock = new FakeClock();
  const waiting: (() => void)[] = [];
  const room = socket().channel({
    join: (ch) => {
      if (ch.topic !== "room:wait") return ok();
      return new Promise<Reply>((resolve) => void waiting.push(() => resolve(ok())));
    },
    in: { ping: (_ch, payload) => ok(payload) },
  });
  const core = new EndpointCore({
    name: "n1@test",
    host: undefined,
    sockets: { "/socket": { socket: socket().routes({ "room:*": room }), longpoll: { windowMs } } },
    adapter: local(),
    drain: {},
    signerFor,
    clock,
    random: systemRandom,
    logger: silentLogger,
  });
  await core.start();
  // One mount has long poll.
  const longPoll = core.longPolls[0] as LongPoll;
  return {
    core,
    clock,
    longPoll,
    waiting,
    advance: (ms: number) => clock.advance(ms, async () => void (await turn())),
  };
}

type Core = Awaited<ReturnType<typeof startCore>>;

async function startSession({ longPoll }: Core) {
  const opened = await longPoll.poll(handshake, undefined, new AbortController().signal);
  const token = "token" in opened ? opened.token : "";
  const poll = (gone = new AbortController().signal) => longPoll.poll(handshake, token, gone);
  const post = async (...frames: ClientFrame[]) => longPoll.find(token)?.post(frames) ?? 410;
  return { token, poll, post };
}

/** What a promise gave by now. */
function peek<T>(promise: Promise<T>): { value: T | undefined } {
  const seen: { value: T | undefined } = { value: undefined };
  void promise.then((value) => {
    seen.value = value;
  });
  return seen;
}

const messagesOf = (reply: PollReply | undefined) =>
  reply !== undefined && "messages" in reply ? reply.messages.map((text) => JSON.parse(text)) : reply;
const join = (topic: string) => JSON.stringify(["1", "1", topic, "phx_join", {}]);
const joined = (topic: string) => answer("1", "1", topic, "ok");

describe("a long-poll session on a driven clock", () => {
  it("answers a poll at the end of the window, not before", async () => {
    const node = await startCore();
    const { poll, token } = await startSession(node);
    const reply = peek(poll());
    await node.advance(windowMs - 1);
    expect(reply.value).toBeUndefined();
    await node.advance(1);
    expect(reply.value).toEqual({ status: 204, token, messages: [] });
  });

  it("is over one and a half windows after the last poll, give or take a sweep", async () => {
    const node = await startCore();
    const { poll, post } = await startSession(node);
    const reply = poll();
    await node.advance(windowMs);
    await reply;
    await node.advance(1.5 * windowMs);
    expect(node.core.counters.connections).toBe(1);
    // A post is no poll.
    expect(await post(join("room:1"))).toBe(200);
    await node.advance(windowMs / 4);
    expect(node.core.counters).toMatchObject({ connections: 0, channels: 0 });
    expect(await post(join("room:1"))).toBe(410);
  });

  it("lives as long as it is polled, and leaves no timer behind", async () => {
    const node = await startCore();
    const timers = node.clock.pending;
    const { poll } = await startSession(node);
    for (let i = 0; i < 10; i++) {
      const reply = poll();
      await node.advance(windowMs + windowMs / 2);
      expect(await reply).toMatchObject({ status: 204 });
    }
    expect(node.clock.pending).toBe(timers);
  });

  it("is over when its token reaches nobody", async () => {
    const node = await startCore();
    const client = new AbortController();
    await node.longPoll.poll(handshake, undefined, client.signal);
    expect(node.core.counters.connections).toBe(1);
    client.abort();
    await turn();
    expect(node.core.counters.connections).toBe(0);
    await node.longPoll.poll(handshake, undefined, client.signal);
    expect(node.core.counters).toMatchObject({ connections: 0, connects_total: 1 });
  });

  it("outlives a time in which its node stood still", async () => {
    const node = await startCore();
    const { poll } = await startSession(node);
    node.clock.skip(6 * windowMs);
    await node.advance(1);
    const reply = poll();
    await node.advance(windowMs);
    expect(await reply).toMatchObject({ status: 204 });
    node.clock.skip(6 * windowMs);
    await node.advance(1);
    expect(node.core.counters.connections).toBe(1);
    await node.advance(windowMs / 4);
    expect(node.core.counters.connections).toBe(0);
  });

  it("gives what comes to the last of several polls; the others wait in vain, each for its window", async () => {
    const node = await startCore();
    const { poll, post } = await startSession(node);
    const first = peek(poll());
    await node.advance(1_000);
    const second = peek(poll());
    await post(join("room:1"));
    await turn();
    expect(messagesOf(second.value)).toEqual([joined("room:1")]);
    expect(first.value).toBeUndefined();
    await node.advance(windowMs - 1_000);
    expect(first.value).toMatchObject({ status: 204 });
  });

  it("gives nothing to a poll whose client has gone", async () => {
    const node = await startCore();
    const { poll, post } = await startSession(node);
    const client = new AbortController();
    const lost = poll(client.signal);
    client.abort();
    expect(await lost).toMatchObject({ status: 204 });
    await post(join("room:1"));
    await turn();
    expect(await poll(client.signal)).toMatchObject({ status: 204 });
    expect(messagesOf(await poll())).toEqual([joined("room:1")]);
  });

  it("answers a post 408 when its join takes longer than the window, and handles the join still", async () => {
    const node = await startCore();
    const { poll, post } = await startSession(node);
    const polled = peek(poll());
    const posted = peek(post(join("room:wait"), join("room:1")));
    await turn();
    await node.advance(windowMs - 1);
    expect(posted.value).toBeUndefined();
    await node.advance(1);
    expect(posted.value).toBe(408);
    expect(polled.value).toMatchObject({ status: 204 });
    const again = peek(post(join("room:2")));
    const next = peek(poll());
    await turn();
    await node.advance(1_000);
    expect(again.value).toBeUndefined();
    node.waiting[0]?.();
    await turn();
    await turn();
    expect(again.value).toBe(200);
    expect(messagesOf(next.value)).toEqual([joined("room:wait"), joined("room:2")]);
  });

  it("answers a post 410 when the session ends meanwhile", async () => {
    const node = await startCore();
    const { post } = await startSession(node);
    const posted = peek(post(join("room:wait")));
    await turn();
    await node.core.stop();
    node.waiting[0]?.();
    await turn();
    expect(posted.value).toBe(410);
  });
});

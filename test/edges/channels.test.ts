import { describe, expect, it } from "vitest";
import type { Payload } from "../../src/runtime/broadcast.js";
import { error, ok, reply, stop } from "../../src/runtime/result.js";
import { type ChannelDefinition, route, socket } from "../../src/runtime/socket-definition.js";
import {
  replyFrame as answer,
  type ChannelClient,
  closeFrame as close,
  connectChannels,
  errorFrame as crash,
} from "../support/channel-client.js";
import { type Listening, useEndpoints } from "../support/endpoints.js";
import { until } from "../support/wait.js";

const start = useEndpoints();
const users = socket();

/** A server with one channel at `room:*`, and a client that has joined `room:1` with join_ref "1". */
async function joined(room: ChannelDefinition, limits = {}): Promise<Listening & ChannelClient> {
  const server = await start({
    sockets: { "/socket": { socket: users.routes({ "room:*": room }), limits } },
  });
  const client = await connectChannels(server.port);
  await client.join("room:1");
  return { ...server, ...client };
}

describe("a join", () => {
  const serve = async (options: Partial<Parameters<typeof users.channel>[0]>, limits = {}) => {
    const channel = users.channel({ join: () => ok(), ...options });
    const mount = { socket: users.routes({ "room:*": channel }), limits };
    const server = await start({ sockets: { "/socket": mount } });
    return { ...server, ...(await connectChannels(server.port)) };
  };

  it("is answered with what the author gives, and the params reach him", async () => {
    const { send, next } = await serve({ join: (_ch, params) => ok({ got: params }) });
    await send("1", "1", "room:1", "phx_join", { a: [1] });
    expect(await next()).toEqual(answer("1", "1", "room:1", "ok", { got: { a: [1] } }));
  });

  it("is refused with what the author gives, and leaves the topic unjoined", async () => {
    const { send, next } = await serve({ join: () => error({ reason: "no" }) });
    await send("1", "1", "room:1", "phx_join", {});
    expect(await next()).toEqual(answer("1", "1", "room:1", "error", { reason: "no" }));
    await send("1", "2", "room:1", "phx_leave", {});
    expect(await next()).toEqual(answer("1", "2", "room:1", "ok"));
  });

  it.each<[string, () => unknown]>([
    ["throws", () => Promise.reject(new Error("late"))],
    ["returns nothing", () => undefined],
    ["returns something else", () => ({ status: "ok" })],
    ["answers what JSON cannot carry", () => ok({ big: 1n })],
  ])("whose author %s has crashed", async (_what, join) => {
    // What the types forbid is at stake.
    const { send, next, silence } = await serve({ join: join as () => ReturnType<typeof ok> });
    await send("1", "1", "room:1", "phx_join", {});
    expect(await next()).toEqual(answer("1", "1", "room:1", "error", { reason: "join crashed" }));
    await silence();
  });

  it.each(["push", "broadcast", "broadcastFrom", "stop"] as const)(
    "during which the author calls %s has crashed",
    async (call) => {
      const { send, next } = await serve({
        join(ch) {
          ch[call]("event", {});
          return ok();
        },
      });
      await send("1", "1", "room:1", "phx_join", {});
      expect(await next()).toEqual(answer("1", "1", "room:1", "error", { reason: "join crashed" }));
    },
  );

  it("is answered before everything else of the channel, also what came while the author thought", async () => {
    let admit: (() => void) | undefined;
    const { send, next, port } = await serve({
      join: (ch) => {
        ch.send("note");
        return new Promise((resolve) => {
          admit = () => resolve(ok());
        });
      },
      afterJoin: (ch) => ch.push("welcome", {}),
      info: (ch, message) => ch.push("info", { message }),
      in: { ping: (_ch: unknown, payload: Payload) => ok(payload) },
    });
    await send("1", "1", "room:1", "phx_join", {});
    await send("1", "2", "room:1", "ping", {});
    await send(null, "3", "phoenix", "heartbeat", {});
    // By now the node has most likely read all three; if not, the order is the same.
    await (await connectChannels(port)).silence();
    await until(() => admit !== undefined, "the author is asked");
    admit?.();
    expect(await next()).toEqual(answer("1", "1", "room:1", "ok"));
    expect(await next()).toEqual(["1", null, "room:1", "welcome", {}]);
    expect(await next()).toEqual(["1", null, "room:1", "info", { message: "note" }]);
    expect(await next()).toEqual(answer("1", "2", "room:1", "ok"));
    expect(await next()).toEqual(answer(null, "3", "phoenix", "ok"));
  });
});

describe("the routes of a socket", () => {
  it("give a channel their assigns, over the socket's, and keep channels apart", async () => {
    const people = socket({ connect: () => ({ kind: "accept", assigns: { who: "u", level: 1 } }) });
    const channel = people.channel({
      assigns: () => ({ count: 0 }),
      join: (ch) => ok({ ...ch.assigns }),
      in: {
        count(ch) {
          ch.assigns.count++;
          return ok({ ...ch.assigns });
        },
      },
    });
    const routes = people.routes({ "room:vip": route(channel, { level: 9 }), "room:*": channel });
    const { port } = await start({ sockets: { "/socket": routes } });
    const { send, next } = await connectChannels(port);
    await send("1", "1", "room:1", "phx_join", {});
    await send("2", "2", "room:vip", "phx_join", {});
    await send("1", "3", "room:1", "count", {});
    await send("2", "4", "room:vip", "count", {});
    expect(await next()).toEqual(answer("1", "1", "room:1", "ok", { who: "u", level: 1, count: 0 }));
    expect(await next()).toEqual(answer("2", "2", "room:vip", "ok", { who: "u", level: 9, count: 0 }));
    expect(await next()).toEqual(answer("1", "3", "room:1", "ok", { who: "u", level: 1, count: 1 }));
    expect(await next()).toEqual(answer("2", "4", "room:vip", "ok", { who: "u", level: 9, count: 1 }));
  });

  it("must have patterns that can match", () => {
    const channel = users.channel({ join: () => ok() });
    for (const pattern of ["", "a*b", "*:a"]) {
      expect(() => users.routes({ [pattern]: channel })).toThrow(/endpoint_config_invalid/);
    }
  });
});

describe("the limit of channels", () => {
  it("refuses one more, keeping its join_ref, but no join of a topic that is joined", async () => {
    const room = users.channel({ join: () => ok() });
    const { send, next, endpoint } = await joined(room, { channelsMax: 2 });
    await send("2", "2", "room:2", "phx_join", {});
    expect(await next()).toEqual(answer("2", "2", "room:2", "ok"));
    await send("3", "3", "room:3", "phx_join", {});
    expect(await next()).toEqual(answer("3", "3", "room:3", "error", { reason: "too many channels joined" }));
    await send("4", "4", "room:2", "phx_join", {});
    expect(await next()).toEqual(answer("4", "4", "room:2", "ok"));
    expect(await next()).toEqual(close("2", "room:2"));
    await send("1", "5", "room:1", "phx_leave", {});
    expect(await next()).toEqual(answer("1", "5", "room:1", "ok"));
    expect(await next()).toEqual(close("1", "room:1"));
    await send("6", "6", "room:3", "phx_join", {});
    expect(await next()).toEqual(answer("6", "6", "room:3", "ok"));
    expect(endpoint.stats()).toMatchObject({ channels: 2, joins_total: 4 });
  });

  it("is told of before the route is looked for only where there is a route", async () => {
    const { send, next } = await joined(users.channel({ join: () => ok() }), { channelsMax: 1 });
    await send("3", "3", "nope:3", "phx_join", {});
    expect(await next()).toEqual(answer(null, "3", "nope:3", "error", { reason: "unmatched topic" }));
  });
});

describe("a join of a topic that is joined", () => {
  it("ends the old channel even when it is refused or crashes", async () => {
    let verdict = () => ok();
    const room = users.channel({ join: () => verdict() as ReturnType<typeof ok>, in: { ping: () => ok() } });
    const { send, next, endpoint } = await joined(room);
    verdict = () => error({ reason: "no" }) as never;
    await send("2", "2", "room:1", "phx_join", {});
    expect(await next()).toEqual(answer("2", "2", "room:1", "error", { reason: "no" }));
    expect(await next()).toEqual(close("1", "room:1"));
    await send("1", "3", "room:1", "ping", {});
    expect(await next()).toEqual(answer(null, "3", "room:1", "error", { reason: "unmatched topic" }));
    verdict = () => ok();
    await send("4", "4", "room:1", "phx_join", {});
    expect(await next()).toEqual(answer("4", "4", "room:1", "ok"));
    verdict = () => {
      throw new Error("no");
    };
    await send("5", "5", "room:1", "phx_join", {});
    expect(await next()).toEqual(answer("5", "5", "room:1", "error", { reason: "join crashed" }));
    expect(await next()).toEqual(close("4", "room:1"));
    expect(endpoint.stats().channels).toBe(0);
  });

  it("is answered first, then the old channel closes, then the new one may push", async () => {
    const room = users.channel({ join: () => ok(), afterJoin: (ch) => ch.push("hello", {}) });
    const { send, next } = await joined(room);
    expect(await next()).toEqual(["1", null, "room:1", "hello", {}]);
    await send("2", "2", "room:1", "phx_join", {});
    expect(await next()).toEqual(answer("2", "2", "room:1", "ok"));
    expect(await next()).toEqual(close("1", "room:1"));
    expect(await next()).toEqual(["2", null, "room:1", "hello", {}]);
  });
});

describe("the end of a channel", () => {
  const reasons: unknown[] = [];
  const room = users.channel({
    join: () => ok(),
    in: {
      normal: () => stop(),
      shutdown: () => stop("shutdown"),
      other: () => stop("other"),
      with_reply: (_ch, payload) => stop("other", reply("bye", payload)),
      crash: () => Promise.reject(new Error("as asked")),
      stop_from_outside(ch) {
        setImmediate(() => ch.stop());
        return ok();
      },
      bad_reply: () => "no reply" as never,
      bad_payload: () => ok((() => {}) as never),
    },
    terminate(ch, reason) {
      reasons.push(reason);
      ch.push("last", {});
    },
  });
  const last = ["1", null, "room:1", "last", {}];

  it.each<[string, unknown[]]>([
    ["normal", [close("1", "room:1"), last]],
    ["shutdown", [close("1", "room:1"), last]],
    ["other", [last, crash("1", "room:1")]],
    ["with_reply", [answer("1", "2", "room:1", "bye", { x: 1 }), last, crash("1", "room:1")]],
    ["crash", [last, crash("1", "room:1")]],
    ["no_such_event", [last, crash("1", "room:1")]],
    ["bad_reply", [last, crash("1", "room:1")]],
    ["bad_payload", [last, crash("1", "room:1")]],
    ["phx_leave", [answer("1", "2", "room:1", "ok"), close("1", "room:1"), last]],
    ["stop_from_outside", [answer("1", "2", "room:1", "ok"), close("1", "room:1"), last]],
  ])("by %s is told in this order", async (event, wanted) => {
    const { send, next, silence, endpoint } = await joined(room);
    await send("1", "2", "room:1", event, { x: 1 });
    for (const frame of wanted) expect(await next()).toEqual(frame);
    await silence();
    await send("1", "3", "room:1", "normal", {});
    expect(await next()).toEqual(answer(null, "3", "room:1", "error", { reason: "unmatched topic" }));
    expect(endpoint.stats().channels).toBe(0);
  });

  it("is explained to terminate", async () => {
    const explain = async (event: string | undefined) => {
      reasons.length = 0;
      const { send, wire, endpoint } = await joined(room);
      if (event === undefined) wire.close();
      else await send("1", "2", "room:1", event, {});
      await until(() => reasons.length > 0, "terminate ran");
      wire.close();
      await until(() => endpoint.stats().connections === 0, "the connection is gone");
      return reasons;
    };
    expect(await explain("normal")).toEqual([{ kind: "stopped", reason: "normal" }]);
    expect(await explain("other")).toEqual([{ kind: "stopped", reason: "other" }]);
    expect(await explain("crash")).toEqual([{ kind: "crashed", error: expect.any(Error) }]);
    expect(await explain("phx_leave")).toEqual([{ kind: "left" }]);
    expect(await explain(undefined)).toEqual([{ kind: "closed" }]);
  });
});

describe("answers", () => {
  const later: { reply(response: unknown): void }[] = [];
  const room = users.channel({
    join: () => ok(),
    in: {
      later(ch) {
        const ref = ch.socketRef();
        if (ref !== undefined) later.push({ reply: (response) => ref.reply(ok(response)) });
      },
      both: (ch) => {
        ch.socketRef()?.reply(ok("first"));
        return ok("second");
      },
      any: (_ch, payload) => reply("custom", payload),
      ref_later: async (ch) => {
        const before = ch.socketRef() !== undefined;
        await null;
        return ok([before, ch.socketRef() !== undefined]);
      },
      ref_outside: (ch) => void setImmediate(() => ch.push("outside", { ref: ch.socketRef() !== undefined })),
    },
  });

  it("may come later, from anywhere, several times, and after the channel has ended", async () => {
    later.length = 0;
    const { send, next } = await joined(room);
    await send("1", "7", "room:1", "later", {});
    await until(() => later.length === 1, "the handler ran");
    later[0]?.reply({ n: 1 });
    later[0]?.reply({ n: 2 });
    expect(await next()).toEqual(answer("1", "7", "room:1", "ok", { n: 1 }));
    expect(await next()).toEqual(answer("1", "7", "room:1", "ok", { n: 2 }));
    await send("1", "8", "room:1", "phx_leave", {});
    expect(await next()).toEqual(answer("1", "8", "room:1", "ok"));
    expect(await next()).toEqual(close("1", "room:1"));
    await send("9", "9", "room:1", "phx_join", {});
    expect(await next()).toEqual(answer("9", "9", "room:1", "ok"));
    later[0]?.reply({ n: 3 });
    expect(await next()).toEqual(answer("1", "7", "room:1", "ok", { n: 3 }));
  });

  it("are lost without a word when the connection is gone", async () => {
    later.length = 0;
    const { send, wire, endpoint } = await joined(room);
    await send("1", "7", "room:1", "later", {});
    await until(() => later.length === 1, "the handler ran");
    wire.close();
    await until(() => endpoint.stats().connections === 0, "the connection is gone");
    expect(() => later[0]?.reply({})).not.toThrow();
  });

  it("cannot be given later to a message without a ref", async () => {
    later.length = 0;
    const { send, silence } = await joined(room);
    await send("1", null, "room:1", "later", {});
    await silence();
    expect(later).toEqual([]);
  });

  it("may come by hand and by return", async () => {
    const { send, next } = await joined(room);
    await send("1", "2", "room:1", "both", {});
    expect(await next()).toEqual(answer("1", "2", "room:1", "ok", "first"));
    expect(await next()).toEqual(answer("1", "2", "room:1", "ok", "second"));
  });

  it("to a message without a ref have none, either", async () => {
    const { send, next } = await joined(room);
    await send("1", null, "room:1", "any", { x: 1 });
    expect(await next()).toEqual(answer("1", null, "room:1", "custom", { x: 1 }));
  });

  it.each([null, 5, "text", [1, [2]], { a: null }, true])("carry %j", async (payload) => {
    const { send, next } = await joined(room);
    await send("1", "2", "room:1", "any", payload);
    expect(await next()).toEqual(answer("1", "2", "room:1", "custom", payload));
  });

  it("know their message as long as its handler runs, and no longer", async () => {
    const { send, next } = await joined(room);
    await send("1", "2", "room:1", "ref_later", {});
    expect(await next()).toEqual(answer("1", "2", "room:1", "ok", [true, true]));
    await send("1", "3", "room:1", "ref_outside", {});
    expect(await next()).toEqual(["1", null, "room:1", "outside", { ref: false }]);
  });
});

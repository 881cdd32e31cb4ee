import { createHook } from "node:async_hooks";
import { describe, expect, it } from "vitest";
import { ok, reply } from "../../src/runtime/result.js";
import { socket } from "../../src/runtime/socket-definition.js";
import { heads, startNode, turn } from "../support/node.js";

/** A promise that the test settles. */
function gate() {
  let open: () => void = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

describe("one channel", () => {
  it("handles one message at a time, in order, also while a handler awaits", async () => {
    const log: string[] = [];
    const gates = new Map<string, ReturnType<typeof gate>>();
    const users = socket();
    const room = users.channel({
      join: () => ok(),
      in: {
        slow: async (_ch, payload) => {
          const name = String(payload);
          log.push(`begin ${name}`);
          const wait = gate();
          gates.set(name, wait);
          await wait.opened;
          log.push(`end ${name}`);
          return ok(name);
        },
        fast: (_ch, payload) => {
          log.push(`fast ${String(payload)}`);
          return ok(payload);
        },
      },
    });
    const node = await startNode(users.routes({ "room:*": room }));
    const client = await node.connect();
    await client.join("room:1");
    client.send(["1", "2", "room:1", "slow", "a"]);
    client.send(["1", "3", "room:1", "fast", "b"]);
    client.send(["1", "4", "room:1", "slow", "c"]);
    client.send(["1", "5", "room:1", "fast", "d"]);
    expect(await client.received()).toEqual([]);
    gates.get("a")?.open();
    expect(heads(await client.received())).toEqual(["1 2 room:1 phx_reply ok", "1 3 room:1 phx_reply ok"]);
    gates.get("c")?.open();
    expect(heads(await client.received())).toEqual(["1 4 room:1 phx_reply ok", "1 5 room:1 phx_reply ok"]);
    expect(log).toEqual(["begin a", "end a", "fast b", "begin c", "end c", "fast d"]);
  });

  it("does not wait for another channel of the same connection", async () => {
    const users = socket();
    const wait = gate();
    const room = users.channel({
      join: () => ok(),
      in: { slow: () => wait.opened, ping: () => ok() },
    });
    const node = await startNode(users.routes({ "room:*": room }));
    const client = await node.connect();
    await client.join("room:1");
    await client.join("room:2", "2");
    client.send(["1", "3", "room:1", "slow", {}]);
    client.send(["2", "4", "room:2", "ping", {}]);
    expect(heads(await client.received())).toEqual(["2 4 room:2 phx_reply ok"]);
  });

  it("makes no promise for a handler that returns none", async () => {
    const users = socket();
    const room = users.channel({
      join: () => ok(),
      in: {
        ping: (_ch, payload) => ok(payload),
        push: (ch) => ch.push("n", { i: 1 }),
        shout: (ch) => ch.broadcast("shout", { i: 1 }),
        secret: (ch) => ch.broadcast("secret", { i: 1 }),
        self: (ch) => ch.send("hello"),
      },
      out: { secret: (ch, payload) => ch.push("secret", payload) },
      info: (ch) => ch.push("told", {}),
    });
    const node = await startNode(users.routes({ "room:*": room }));
    const client = await node.connect();
    await client.join("room:1");
    await client.received();
    let promises = 0;
    const hook = createHook({ init: (_id, type) => void (type === "PROMISE" && promises++) }).enable();
    for (const event of ["ping", "push", "shout", "secret", "self"]) {
      for (let i = 0; i < 10; i++) client.send(`["1","${i}","room:1","${event}",{}]`);
    }
    hook.disable();
    expect(promises).toBe(0);
    expect(await client.received()).toHaveLength(50);
  });

  it("is not entered again by what its own handler causes", async () => {
    const log: string[] = [];
    const users = socket();
    const room = users.channel({
      join: () => ok(),
      in: {
        go: (ch) => {
          log.push("begin");
          ch.send("info");
          ch.broadcast("secret", {});
          ch.push("n", {});
          log.push("end");
        },
      },
      out: { secret: () => void log.push("out") },
      info: () => void log.push("info"),
    });
    const node = await startNode(users.routes({ "room:*": room }));
    const client = await node.connect();
    await client.join("room:1");
    client.send(["1", "2", "room:1", "go", {}]);
    expect(log).toEqual(["begin", "end", "info", "out"]);
  });

  it("sends pushes, broadcasts and the reply of a handler in the order of its calls", async () => {
    const users = socket();
    const room = users.channel({
      join: () => ok(),
      in: {
        go: (ch) => {
          ch.push("a", {});
          ch.broadcast("b", {});
          ch.push("c", {});
          return reply("done", [1]);
        },
      },
    });
    const node = await startNode(users.routes({ "room:*": room }));
    const client = await node.connect();
    await client.join("room:1");
    client.send(["1", "2", "room:1", "go", {}]);
    expect(heads(await client.received())).toEqual([
      "1 null room:1 a",
      "null null room:1 b",
      "1 null room:1 c",
      "1 2 room:1 phx_reply done",
    ]);
  });

  it("works through a full inbox without deep recursion", async () => {
    const wait = gate();
    let handled = 0;
    const users = socket();
    const room = users.channel({
      join: () => ok(),
      in: {
        slow: () => wait.opened,
        count: () => {
          handled += 1;
        },
      },
    });
    const limits = { inboxMax: 200_000 };
    const node = await startNode(users.routes({ "room:*": room }), { limits });
    const client = await node.connect();
    await client.join("room:1");
    client.send(["1", "2", "room:1", "slow", {}]);
    for (let i = 0; i < 100_000; i++) client.send('["1","3","room:1","count",{}]');
    wait.open();
    while (handled < 100_000) await turn();
    expect(node.core.counters.channel_crashes_total).toBe(0);
  });

  it("that sends itself messages for ever leaves the others their turns", async () => {
    let sent = 0;
    const users = socket();
    const room = users.channel({
      join: () => ok(),
      in: { start: (ch) => ch.send(0), ping: () => ok() },
      info: (ch) => {
        sent += 1;
        ch.send(0);
      },
    });
    const node = await startNode(users.routes({ "room:*": room }));
    const [busy, other] = [await node.connect(), await node.connect()];
    await busy.join("room:1");
    await other.join("room:2");
    busy.send(["1", "2", "room:1", "start", {}]);
    await turn();
    other.send(["1", "2", "room:2", "ping", {}]);
    expect(await other.received()).toHaveLength(1);
    expect(sent).toBeGreaterThan(1_000);
    busy.hangUp();
    await turn();
    await turn();
    const atTheEnd = sent;
    await turn();
    expect(sent).toBe(atTheEnd);
  });
});

describe("the inbox", () => {
  it("ends a channel that lets more than its limit wait, tells the client, counts", async () => {
    const wait = gate();
    const reasons: unknown[] = [];
    const users = socket();
    const room = users.channel({
      join: () => ok(),
      in: { slow: () => wait.opened },
      terminate: (_ch, reason) => void reasons.push(reason),
    });
    const node = await startNode(users.routes({ "room:*": room }), { limits: { inboxMax: 3 } });
    const client = await node.connect();
    await client.join("room:1");
    for (let i = 0; i < 4; i++) client.send(["1", String(i), "room:1", "slow", {}]);
    expect(await client.received()).toEqual([]);
    client.send(["1", "9", "room:1", "slow", {}]);
    expect(await client.received()).toEqual([["1", "1", "room:1", "phx_error", { reason: "channel_crash" }]]);
    expect(node.core.counters).toMatchObject({ overloaded_channels_total: 1, channels: 0 });
    expect(reasons, "terminate waits for the handler under way").toEqual([]);
    wait.open();
    await turn();
    expect(reasons).toEqual([{ kind: "stopped", reason: "inbox full" }]);
    expect(node.core.pubsub.stats().topics).toBe(0);
  });

  it("that overflows while the client joins ends the channel after its join reply", async () => {
    const reasons: unknown[] = [];
    const users = socket();
    const room = users.channel({
      join: (ch) => {
        for (let i = 0; i < 10; i++) ch.send(i);
        return ok();
      },
      info: () => {},
      terminate: (_ch, reason) => void reasons.push(reason),
    });
    const node = await startNode(users.routes({ "room:*": room }), { limits: { inboxMax: 3 } });
    const client = await node.connect();
    expect(heads(await client.join("room:1"))).toEqual(["1 1 room:1 phx_reply ok", "1 1 room:1 phx_error"]);
    expect(reasons).toEqual([{ kind: "stopped", reason: "inbox full" }]);
    expect(node.core.counters.channels).toBe(0);
  });
});

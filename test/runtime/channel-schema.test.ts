import type { StandardSchemaV1 } from "@standard-schema/spec";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ok } from "../../src/runtime/result.js";
import { socket } from "../../src/runtime/socket-definition.js";
import { type FakeClient, type FakeNode, heads, startNode } from "../support/node.js";

const users = socket();

/** A schema that answers later, as one that asks a database does. */
const later = z.object({ name: z.string() }).refine(({ name }) => Promise.resolve(name !== "taken"), {
  message: "is taken",
  path: ["name"],
});

/** A schema of no library: whatever a test wants it to answer. */
function schemaThat(validate: StandardSchemaV1["~standard"]["validate"]): StandardSchemaV1 {
  return { "~standard": { version: 1, vendor: "test", validate } };
}

const many = schemaThat(() => ({
  issues: Array.from({ length: 500 }, (_, i) => ({ message: `no ${i}`, path: ["list", { key: i }] })),
}));

const room = users.channel({
  params: z.object({ nick: z.string().min(1).default("guest") }),
  payloads: {
    new_msg: z.object({ body: z.string().min(1).max(10) }).transform(({ body }) => body.toUpperCase()),
    rename: later,
    many,
    symbol: schemaThat(() => ({ issues: [{ message: "no", path: [Symbol("s")] }] })),
    broken: schemaThat(() => {
      throw new Error("schema failed");
    }),
  },
  assigns: () => ({ nick: "" }),
  join: (ch, { nick }) => {
    ch.assigns.nick = nick;
    return ok({ nick });
  },
  in: {
    new_msg: (_ch, body) => ok({ body }),
    rename: (_ch, { name }) => ok({ name }),
    many: () => ok(),
    symbol: () => ok(),
    broken: () => ok(),
    free: (_ch, payload) => ok(payload),
  },
});

const gate = users.channel({ params: later, join: (_ch, { name }) => ok({ name }), in: {} });

async function start(): Promise<{ node: FakeNode; client: FakeClient }> {
  const node = await startNode(users.routes({ "room:*": room, "gate:*": gate }));
  return { node, client: await node.connect() };
}

const reply = (ref: string, topic: string, status: string, response: unknown) => [
  "1",
  ref,
  topic,
  "phx_reply",
  { status, response },
];

describe("the payload of an event with a schema", () => {
  it("reaches the handler as the schema's output", async () => {
    const { client } = await start();
    await client.join("room:1");
    client.send(["1", "2", "room:1", "new_msg", { body: "hi" }]);
    expect(await client.received()).toEqual([reply("2", "room:1", "ok", { body: "HI" })]);
  });

  it.each([
    { body: "", say: ["body"] },
    { body: "far too long for it", say: ["body"] },
    { body: 7, say: ["body"] },
  ])("that fails it ($body) gets an error reply, and the channel lives on", async ({ body, say }) => {
    const { node, client } = await start();
    await client.join("room:1");
    client.send(["1", "2", "room:1", "new_msg", { body }]);
    client.send(["1", "3", "room:1", "free", { x: 1 }]);
    expect(await client.received()).toEqual([
      reply("2", "room:1", "error", {
        reason: "invalid payload",
        issues: [{ message: expect.any(String), path: say }],
      }),
      reply("3", "room:1", "ok", { x: 1 }),
    ]);
    expect(node.core.counters.channel_crashes_total).toBe(0);
  });

  it.each([null, [], "text", 7])("that is no object at all (%j) is told so", async (payload) => {
    const { client } = await start();
    await client.join("room:1");
    client.send(["1", "2", "room:1", "new_msg", payload]);
    const issues = [{ message: expect.any(String), path: [] }];
    expect(await client.received()).toEqual([
      reply("2", "room:1", "error", { reason: "invalid payload", issues }),
    ]);
  });

  it("may be bytes, which a schema of objects refuses", async () => {
    const { client } = await start();
    await client.join("room:1");
    client.session.onBinary(Buffer.from("\x00\x01\x01\x06\x0712room:1new_msg\xff", "latin1"));
    expect(heads(await client.received())).toEqual(["1 2 room:1 phx_reply error"]);
  });

  it("is checked in its turn when the schema awaits", async () => {
    const { client } = await start();
    await client.join("room:1");
    client.send(["1", "2", "room:1", "rename", { name: "taken" }]);
    client.send(["1", "3", "room:1", "rename", { name: "free" }]);
    client.send(["1", "4", "room:1", "free", {}]);
    expect(await client.received()).toEqual([
      reply("2", "room:1", "error", {
        reason: "invalid payload",
        issues: [{ message: "is taken", path: ["name"] }],
      }),
      reply("3", "room:1", "ok", { name: "free" }),
      reply("4", "room:1", "ok", {}),
    ]);
  });

  it("is told at most 20 of its problems", async () => {
    const { client } = await start();
    await client.join("room:1");
    client.send(["1", "2", "room:1", "many", {}]);
    const [message] = await client.received();
    const { response } = (message as [0, 0, 0, 0, { response: { issues: unknown[] } }])[4];
    expect(response.issues).toHaveLength(20);
    expect(response.issues[3]).toEqual({ message: "no 3", path: ["list", 3] });
  });

  it("is told of symbols by their names", async () => {
    const { client } = await start();
    await client.join("room:1");
    client.send(["1", "2", "room:1", "symbol", {}]);
    const issues = [{ message: "no", path: ["Symbol(s)"] }];
    expect(await client.received()).toEqual([
      reply("2", "room:1", "error", { reason: "invalid payload", issues }),
    ]);
  });

  it("whose schema throws is a crash of the channel", async () => {
    const { client } = await start();
    await client.join("room:1");
    client.send(["1", "2", "room:1", "broken", {}]);
    expect(heads(await client.received())).toEqual(["1 1 room:1 phx_error"]);
  });
});

describe("join params with a schema", () => {
  it("reach join as the schema's output", async () => {
    const { client } = await start();
    expect(await client.join("room:1")).toEqual([reply("1", "room:1", "ok", { nick: "guest" })]);
  });

  it("that fail it refuse the client, and nothing of the join stays", async () => {
    const { node, client } = await start();
    const issues = [{ message: expect.any(String), path: ["nick"] }];
    expect(await client.join("room:1", "1", { nick: "" })).toEqual([
      reply("1", "room:1", "error", { reason: "invalid payload", issues }),
    ]);
    expect(node.core.counters).toMatchObject({ channels: 0, refused_joins_total: 1 });
    expect(node.core.pubsub.stats().topics).toBe(0);
  });

  it("are checked before the next message when the schema awaits", async () => {
    const { client } = await start();
    client.send(["1", "1", "gate:1", "phx_join", { name: "taken" }]);
    client.send([null, "2", "phoenix", "heartbeat", {}]);
    client.send(["1", "3", "gate:1", "phx_join", { name: "ann" }]);
    expect(await client.received()).toEqual([
      reply("1", "gate:1", "error", {
        reason: "invalid payload",
        issues: [{ message: "is taken", path: ["name"] }],
      }),
      [null, "2", "phoenix", "phx_reply", { status: "ok", response: {} }],
      reply("3", "gate:1", "ok", { name: "ann" }),
    ]);
  });
});

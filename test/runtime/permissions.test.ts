import { describe, expect, it } from "vitest";
import type { PermissionSource } from "../../src/runtime/auth/auth-options.js";
import { presence } from "../../src/runtime/presence/presence.js";
import { ok } from "../../src/runtime/result.js";
import { accept, socket } from "../../src/runtime/socket-definition.js";
import { FakeAdapter } from "../support/fake-adapter.js";
import { type Claims, jsonToken, jsonVerifier, withToken } from "../support/json-tokens.js";
import { type FakeClient, heads, startNode, startNodeOn, turn } from "../support/node.js";

async function start(
  permissions: PermissionSource = "permissions",
  joining: Promise<void> | undefined = undefined,
) {
  const ends: string[] = [];
  const users = socket({ auth: { verifier: jsonVerifier, permissions }, connect: () => accept() });
  const room = users.channel({
    join: () => (joining === undefined ? ok() : joining.then(() => ok())),
    afterJoin: (ch) => void (joining !== undefined && ch.push("secret", {})),
    in: { new_msg: () => ok(), typing_on: () => ok() },
    terminate: (ch, { kind }) => void ends.push(`${ch.topic} ${kind}`),
  });
  const node = await startNode(users.routes({ "room:*": room }), { checkOrigin: false });
  const token = (granted: unknown, claims: Claims = {}) =>
    jsonToken({ sub: "ada", iat: node.clock.now() / 1_000, permissions: granted, ...claims });
  return { ...node, ends, token, connectWith: (granted: unknown) => node.connect(withToken(token(granted))) };
}

async function push(client: FakeClient, topic: string, event: string) {
  client.send([null, "p", topic, event, {}]);
  return (await client.received()).map((message) => JSON.stringify(message));
}

async function renew(client: FakeClient, token: string) {
  client.send([null, "r", "phoenix", "access_token", { access_token: token }]);
  return client.received();
}

const denied = (topic: string, joinRef = "1", ref = "p") =>
  `["${joinRef}","${ref}","${topic}","phx_reply",{"status":"error","response":{"reason":"unauthorized"}}]`;

describe("permissions out of a claim", () => {
  it("decide about each join, and the others go on", async () => {
    const node = await start();
    const client = await node.connectWith({ "room:lobby": ["join"] });
    expect(heads(await client.join("room:lobby"))).toEqual(["1 1 room:lobby phx_reply ok"]);
    expect((await client.join("room:42", "2")).map((message) => JSON.stringify(message))).toEqual([
      denied("room:42", "2", "2"),
    ]);
    expect(node.core.counters).toMatchObject({ channels: 1, denied_total: 1, refused_joins_total: 1 });
  });

  it("decide about each event, and the channel lives on", async () => {
    const node = await start();
    const client = await node.connectWith({ "room:*": ["join"], "room:1": ["push:typing*"] });
    await client.join("room:1");
    expect(await push(client, "room:1", "new_msg")).toEqual([denied("room:1")]);
    expect(heads((await push(client, "room:1", "typing_on")).map((text) => JSON.parse(text)))).toEqual([
      "1 p room:1 phx_reply ok",
    ]);
    expect(await push(client, "room:1", "unheard_of")).toEqual([denied("room:1")]);
    expect(node.core.counters).toMatchObject({ channels: 1, denied_total: 2, channel_crashes_total: 0 });
  });

  it("let everybody leave", async () => {
    const node = await start();
    const client = await node.connectWith({ "room:*": ["join"] });
    await client.join("room:1");
    client.send([null, "l", "room:1", "phx_leave", {}]);
    expect(heads(await client.received())).toEqual(["1 l room:1 phx_reply ok", "1 1 room:1 phx_close"]);
  });

  it("grant nothing without the claim, and refuse a token whose claim makes no sense", async () => {
    const node = await start();
    const client = await node.connectWith(undefined);
    expect(heads(await client.join("room:1"))).toEqual(["1 1 room:1 phx_reply error"]);
    await expect(node.connectWith(["room:*"])).rejects.toThrow("refused with 401");
    await expect(node.connectWith({ "room:*": ["admin"] })).rejects.toThrow("refused with 401");
  });

  it("say who may be tracked", async () => {
    const node = await start();
    const client = await node.connectWith({ "room:1": ["join", "presence"], "room:2": ["join"] });
    expect([1, 2, 3].map((n) => client.session.auth?.mayTrack(`room:${n}`))).toEqual([true, false, false]);
  });

  it("decide who is tracked by presence, and end that with a token that does not grant it", async () => {
    const here = presence();
    const results: unknown[] = [];
    const users = socket({ auth: { verifier: jsonVerifier, permissions: "permissions" } });
    const room = users.channel({
      join: () => ok(),
      afterJoin: (ch) => void results.push(here.track(ch, "ada", {})),
    });
    const options = { checkOrigin: false, presence: [here] };
    const node = await startNodeOn(new FakeAdapter(), users.routes({ "room:*": room }), options);
    const token = (permissions: object) =>
      jsonToken({ sub: "ada", iat: node.clock.now() / 1_000, permissions });
    const client = await node.connect(
      withToken(token({ "room:*": ["join"], "room:1": ["presence"], "room:2": ["presence"] })),
    );
    for (const topic of ["1", "2", "3"]) await client.join(`room:${topic}`, topic);
    expect(results).toMatchObject([{ ok: true }, { ok: true }, { ok: false, reason: "unauthorized" }]);
    await renew(client, token({ "room:*": ["join"], "room:2": ["presence"] }));
    const present = ["1", "2", "3"].map((topic) => Object.keys(here.at(node.core).list(`room:${topic}`)));
    expect(present).toEqual([[], ["ada"], []]);
    await node.core.stop();
  });

  it("end the channels that a renewed token does not grant, and no other", async () => {
    const node = await start();
    const client = await node.connectWith({ "room:*": ["join", "push"] });
    await client.join("room:1", "1");
    await client.join("room:2", "2");
    await client.received();
    const messages = await renew(client, node.token({ "room:2": ["join"] }));
    expect(messages).toEqual([
      [null, "r", "phoenix", "phx_reply", { status: "ok", response: { expires_at: expect.any(Number) } }],
      ["1", "1", "room:1", "phx_close", { reason: "permission lost" }],
    ]);
    expect(node.ends).toEqual(["room:1 permission_lost"]);
    expect(await push(client, "room:2", "new_msg")).toEqual([denied("room:2", "2")]);
    expect(node.core.counters).toMatchObject({ channels: 1, lost_permissions_total: 1 });
    await renew(client, node.token({ "room:1": ["join"], "room:2": ["join", "push"] }));
    expect(heads((await push(client, "room:2", "new_msg")).map((text) => JSON.parse(text)))).toEqual([
      "2 p room:2 phx_reply ok",
    ]);
    expect(heads(await client.join("room:1", "3"))).toEqual(["3 3 room:1 phx_reply ok"]);
  });

  it("stay as they were when the renewal is refused", async () => {
    const node = await start();
    const client = await node.connectWith({ "room:1": ["join", "push"] });
    await client.join("room:1");
    expect(heads(await renew(client, node.token({}, { sub: "grace" })))).toEqual([
      "null r phoenix phx_reply error",
    ]);
    expect(heads(await renew(client, node.token("all")))).toEqual(["null r phoenix phx_reply error"]);
    expect(heads((await push(client, "room:1", "new_msg")).map((text) => JSON.parse(text)))).toEqual([
      "1 p room:1 phx_reply ok",
    ]);
  });

  it("that are lost while a join is under way refuse it", async () => {
    let let_in = (): void => {};
    const node = await start("permissions", new Promise((resolve) => (let_in = resolve)));
    const client = await node.connectWith({ "room:*": ["join"] });
    await client.join("room:1");
    const renewed = client.session.auth?.takesOwn({
      joinRef: null,
      ref: "r",
      topic: "phoenix",
      event: "access_token",
      payload: { access_token: node.token({}) },
    });
    expect(renewed).toBe(true);
    await turn();
    let_in();
    expect(heads(await client.received())).toEqual([
      "null r phoenix phx_reply ok",
      "1 1 room:1 phx_reply error",
    ]);
    expect(node.ends).toEqual(["room:1 closed"]);
  });
});

describe("permissions out of a function", () => {
  it("are made of the token, also later", async () => {
    const node = await start(async (token) => ({ [`room:${token?.subject}`]: ["join"] }));
    const client = await node.connectWith(undefined);
    expect(heads(await client.join("room:ada"))).toEqual(["1 1 room:ada phx_reply ok"]);
    expect(heads(await client.join("room:grace", "2"))).toEqual(["2 2 room:grace phx_reply error"]);
  });

  it("may be a policy", async () => {
    const asked: string[] = [];
    const node = await start((token) => ({ action, topic, event }) => {
      asked.push(`${token?.subject} ${action} ${topic} ${event}`);
      return action === "join";
    });
    const client = await node.connectWith(undefined);
    await client.join("room:1");
    expect(await push(client, "room:1", "new_msg")).toEqual([denied("room:1")]);
    expect(asked).toContain("ada join room:1 undefined");
    expect(asked).toContain("ada push room:1 new_msg");
  });

  it("that crashes makes the token unavailable, and is logged", async () => {
    const node = await start(() => {
      throw new Error("no database");
    });
    await expect(node.connectWith(undefined)).rejects.toThrow("refused with 503");
    expect(JSON.stringify(node.logger.lines)).toContain("no database");
  });
});

describe("the option", () => {
  it.each([[""], [7], [null]])("%j is refused", async (permissions) => {
    await expect(start(permissions as never)).rejects.toMatchObject({ code: "endpoint_config_invalid" });
  });
});

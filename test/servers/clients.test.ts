import { describe, expect, test } from "vitest";
import { ends, useClients } from "../support/clients-room.js";
import { freePort } from "../support/http.js";
import { collect, joinTopic, outcome, phoenixVariants } from "../support/phoenix-clients.js";
import { startProgram } from "../support/program.js";
import { until } from "../support/wait.js";

describe.each(phoenixVariants)("$name", ({ connect: open, transport }) => {
  const { serve, connect } = useClients(open);

  test("joins with params, pushes, and gets every kind of answer", async () => {
    const { port } = await serve();
    const client = connect(port, { params: { user: "u1" } });
    const channel = client.channel("room:1", { a: { b: [1, "2"] } });
    const welcome = { topic: "room:1", params: { a: { b: [1, "2"] } }, transport, vsn: "2.0.0", user: "u1" };
    expect(await outcome(channel.join())).toEqual(["ok", welcome]);
    const payload = { text: 'gr\u00fc\u00dfe \ud83e\udd85 "quoted"\n', n: 1.5, deep: [null, { x: true }] };
    expect(await outcome(channel.push("ping", payload))).toEqual(["ok", payload]);
    expect(await outcome(channel.push("fail", {}))).toEqual(["error", { reason: "bad" }]);
    expect((await outcome(channel.push("silent", {}, 50)))[0]).toBe("timeout");
  });

  test("gets what others broadcast and what it is pushed, in order", async () => {
    const { port } = await serve();
    const one = await joinTopic(connect(port), "room:1");
    const two = await joinTopic(connect(port), "room:1");
    const [heardByOne, heardByTwo] = [collect(one, "shout"), collect(two, "shout")];
    for (let n = 0; n < 20; n++) one.push("shout", { n });
    await until(() => heardByOne.length === 20 && heardByTwo.length === 20, "all is heard");
    const wanted = Array.from({ length: 20 }, (_, n) => ({ payload: { n } }));
    expect(heardByOne).toEqual(wanted);
    expect(heardByTwo).toEqual(wanted);
    expect(await outcome(one.push("whisper", { n: 20 }))).toEqual(["ok", {}]);
    await until(() => heardByTwo.length === 21, "the others hear");
    expect(heardByOne).toHaveLength(20);
    const questions = collect(one, "question");
    one.push("ask", {});
    await until(() => questions.length === 1, "the push has come");
    expect(questions).toEqual([{ n: 42 }]);
  });

  test("has several channels on one connection, and none hears of the other", async () => {
    const { port, endpoint } = await serve();
    const client = connect(port);
    const [one, two] = [await joinTopic(client, "room:1"), await joinTopic(client, "room:2")];
    const [heardByOne, heardByTwo] = [collect(one, "shout"), collect(two, "shout")];
    two.push("shout", {});
    await until(() => heardByTwo.length === 1, "it is heard");
    expect(await outcome(one.push("ping", {}))).toEqual(["ok", {}]);
    expect(heardByOne).toEqual([]);
    expect(endpoint.stats()).toMatchObject({ connections: 1, channels: 2 });
  });

  test("is told why it may not join, and leaves in good order", async () => {
    const { port, endpoint } = await serve();
    const client = connect(port);
    const denied = client.channel("room:denied");
    expect(await outcome(denied.join())).toEqual(["error", { reason: "unauthorized" }]);
    denied.leave();
    const nowhere = client.channel("nowhere");
    expect(await outcome(nowhere.join())).toEqual(["error", { reason: "unmatched topic" }]);
    nowhere.leave();
    const channel = await joinTopic(client, "room:1");
    let closed = false;
    channel.onClose(() => {
      closed = true;
    });
    ends.length = 0;
    expect((await outcome(channel.leave()))[0]).toBe("ok");
    await until(() => closed && ends.length === 1, "both sides know");
    expect(ends).toEqual(["room:1 left"]);
    expect(endpoint.stats().channels).toBe(0);
  });

  test("stays away from a channel that the server has stopped", async () => {
    const { port, endpoint } = await serve();
    const channel = await joinTopic(connect(port), "room:1");
    expect(await outcome(channel.push("stop", {}))).toEqual(["ok", { bye: true }]);
    await until(() => channel.state === "closed", "the client knows");
    expect(endpoint.stats()).toMatchObject({ channels: 0, connections: 1 });
  });

  test("joins again by itself after a crash of its channel, on the same connection", async () => {
    const { port, endpoint } = await serve();
    const channel = await joinTopic(connect(port), "room:1");
    const errors: unknown[] = [];
    channel.onError((reason) => void errors.push(reason));
    channel.push("crash", {});
    await until(() => errors.length > 0 && channel.state === "joined", "it is joined again");
    expect(errors).toEqual([{ reason: "channel_crash" }]);
    expect(await outcome(channel.push("ping", { again: 1 }))).toEqual(["ok", { again: 1 }]);
    expect(endpoint.stats()).toMatchObject({ connects_total: 1, joins_total: 2, channels: 1 });
  });

  test("comes back by itself when the server has disconnected it", async () => {
    const { port, endpoint } = await serve();
    const client = connect(port, { params: { user: "u1" } });
    const channel = await joinTopic(client, "room:1");
    // A poll that waits is told at once.
    if (transport === "longpoll") await until(() => endpoint.stats().polls_waiting === 1, "it polls");
    endpoint.disconnect("user:u1");
    await until(() => endpoint.stats().joins_total === 2 && channel.state === "joined", "it is back");
    expect(await outcome(channel.push("ping", { again: 1 }))).toEqual(["ok", { again: 1 }]);
  });

  test("comes back by itself when the server has stopped and started again", async () => {
    const { port, endpoint } = await serve();
    const channel = await joinTopic(connect(port), "room:1");
    if (transport === "longpoll") await until(() => endpoint.stats().polls_waiting === 1, "it polls");
    await endpoint.stop();
    await until(() => channel.state !== "joined", "the client knows");
    const again = await serve(port);
    await until(() => channel.state === "joined", "it is back");
    expect(await outcome(channel.push("ping", { again: 1 }))).toEqual(["ok", { again: 1 }]);
    expect(again.endpoint.stats().joins_total).toBe(1);
  });

  test("comes back by itself when the server was killed", async () => {
    const port = await freePort();
    const server = () => {
      const env = { PORT: String(port) };
      return startProgram(process.execPath, ["examples/conformance/dist/main.js"], env);
    };
    const first = server();
    await first.line("ready");
    const channel = await joinTopic(connect(port), "room:1");
    first.child.kill("SIGKILL");
    await first.ended;
    const second = server();
    try {
      await second.line("ready");
      await until(() => channel.state === "joined", "it is back", 30_000);
      expect(await outcome(channel.push("ping", { again: 1 }))).toEqual(["ok", { again: 1 }]);
    } finally {
      second.child.kill("SIGKILL");
      await second.ended;
    }
  });

  test("asks for nothing that it was refused", async () => {
    const { port, endpoint } = await serve();
    const client = connect(port, { params: { refuse: "1" } });
    let errors = 0;
    client.onError(() => {
      errors++;
    });
    await until(() => errors > 0, "it is refused");
    expect(client.isConnected()).toBe(false);
    expect(endpoint.stats()).toMatchObject({ connections: 0, connects_total: 0 });
  });
});

import { Presence } from "phoenix";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ChatMessage, Welcome } from "../../examples/chat/src/protocol.js";
import { answerOf, payloadsOf, useOfficialClients } from "../support/chat-client.js";
import { startChat } from "../support/chat-fleet.js";
import type { Fleet } from "../support/fleet.js";
import { isRunning } from "../support/program.js";
import { until } from "../support/wait.js";

describe("the chat on two nodes, for the official client", () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await startChat(["--nodes", "2", "--balancer", "embedded"]);
  });
  afterAll(() => fleet.end());
  const connect = useOfficialClients();

  /** A client on another node than those before it: the balancer sends it to the node with the fewest. */
  async function enter() {
    const socket = await connect(fleet.port);
    const channel = socket.channel("room:lobby");
    const present = new Presence(channel);
    /** One for each time that it joined, by itself again after a loss. */
    const welcomes: Welcome[] = [];
    const joining = channel.join().receive("ok", (welcome: Welcome) => welcomes.push(welcome));
    expect((await answerOf(joining)).status).toBe("ok");
    return { channel, welcomes, present };
  }

  test("takes messages between clients on different nodes", async () => {
    const [one, other] = [await enter(), await enter()];
    const [here, there] = [one, other].map(({ welcomes }) => welcomes[0]?.node);
    expect([here, there].sort()).toEqual(["n1@127.0.0.1", "n2@127.0.0.1"]);
    const heard = [one, other].map(({ channel }) => payloadsOf<ChatMessage>(channel, "new_msg"));
    const shouts = payloadsOf(one.channel, "shout");
    expect((await answerOf(one.channel.push("new_msg", { body: "hello" }))).status).toBe("ok");
    other.channel.push("shout", { n: 1 });
    await until(() => heard[1]?.length && shouts.length, "both at the other side");
    expect(heard[1]).toMatchObject([{ body: "hello", node: here }]);
    expect(shouts).toEqual([{ n: 1 }]);
  });

  test("tells people on different nodes of each other", async () => {
    const [one, other] = [await enter(), await enter()];
    const nodes = [one, other].map(({ welcomes }) => welcomes[0]?.node).sort();
    for (const { present } of [one, other]) {
      await until(() => present.list().length === 2, "both in the room");
      expect(present.list((_name, { metas: [meta] }) => meta.node).sort()).toEqual(nodes);
    }
    other.channel.leave();
    await until(() => one.present.list().length === 1, "the other has left");
  });

  test("answers kill, then the node dies, its client is back, and it is started again", async () => {
    const { channel, welcomes } = await enter();
    const [before] = welcomes;
    expect(before?.supervised).toBe(true);
    const pid = (await fleet.nodes()).find(({ name }) => name === before?.node)?.pid ?? 0;
    expect(await answerOf(channel.push("kill", {}))).toMatchObject({ status: "ok" });
    await until(() => !isRunning(pid), "the end of the node");
    await until(() => welcomes.length > 1, "the client's return", 5_000);
    await until(async () => {
      const rows = await fleet.nodes();
      return rows.length === 2 && rows.every((row) => row.ready && row.pid !== pid);
    }, "the node's return");
  });
});

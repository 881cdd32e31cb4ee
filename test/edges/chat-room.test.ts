import { Presence } from "phoenix";
import type { Logger } from "simurgh";
import { describe, expect, test } from "vitest";
import { people } from "../../examples/chat/src/people.js";
import type { ChatMessage } from "../../examples/chat/src/protocol.js";
import { createRoom } from "../../examples/chat/src/room.js";
import { createSignIn } from "../../examples/chat/src/sign-in.js";
import { answerOf, payloadsOf, useOfficialClients } from "../support/chat-client.js";
import { useEndpoints } from "../support/endpoints.js";
import { until } from "../support/wait.js";

const { visitors } = createSignIn("a secret of the chat's own tests");
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

describe.each(["websocket", "longpoll"] as const)(
  "the rooms of the chat, for the official client by %s",
  (transport) => {
    const start = useEndpoints();
    const connect = useOfficialClients(transport);

    async function startRoom(): Promise<number> {
      const room = createRoom({ name: "n1@here", supervised: false, logger: silent });
      const { port } = await start({
        sockets: { "/socket": { socket: visitors.routes({ "room:*": room }), longpoll: true } },
        presence: people,
      });
      return port;
    }

    async function enter(port: number, params: object = {}, topic = "room:lobby") {
      const socket = await connect(port);
      const channel = socket.channel(topic, params);
      return { channel, answer: await answerOf(channel.join()) };
    }

    test("tell who joins where they are, and call them guests when they give no name", async () => {
      const { answer } = await enter(await startRoom());
      expect(answer).toEqual({
        status: "ok",
        response: {
          node: "n1@here",
          supervised: false,
          transport,
          name: expect.stringMatching(/^guest-[0-9a-f]{4}$/),
        },
      });
    });

    test("call the same guest the same in every room", async () => {
      const socket = await connect(await startRoom());
      const answers = await Promise.all(
        ["room:a", "room:b"].map((topic) => answerOf(socket.channel(topic).join())),
      );
      const [first, second] = answers.map(({ response }) => response);
      expect(first).toEqual(second);
    });

    test("take a name, and say when it is too long", async () => {
      const port = await startRoom();
      expect((await enter(port, { name: "  Hudhud " })).answer).toMatchObject({
        response: { name: "Hudhud" },
      });
      expect((await enter(port, { name: "x".repeat(40) })).answer.status).toBe("ok");
      expect((await enter(port, { name: "x".repeat(41) })).answer).toMatchObject({
        status: "error",
        response: { reason: "invalid payload", issues: [{ path: ["name"] }] },
      });
    });

    test("are not there without a name of a sensible length", async () => {
      const port = await startRoom();
      const refused = { status: "error", response: { reason: "no such room" } };
      expect((await enter(port, {}, "room:")).answer).toEqual(refused);
      expect((await enter(port, {}, `room:${"x".repeat(101)}`)).answer).toEqual(refused);
    });

    test("send a message to everybody in the room and to nobody else", async () => {
      const port = await startRoom();
      const [one, other, elsewhere] = [
        await enter(port, { name: "Attar" }),
        await enter(port),
        await enter(port, {}, "room:elsewhere"),
      ];
      const heard = [one, other, elsewhere].map(({ channel }) => payloadsOf<ChatMessage>(channel, "new_msg"));
      const answer = await answerOf(one.channel.push("new_msg", { body: " <b>hi</b> " }));
      await until(() => heard[1]?.length, "the message at the other client");
      const [message] = heard[1] ?? [];
      expect(message).toEqual({
        id: expect.any(String),
        body: " <b>hi</b> ",
        name: "Attar",
        node: "n1@here",
        at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      });
      expect(answer).toEqual({ status: "ok", response: { id: message?.id } });
      // The sender had its own before the answer.
      expect(heard[0]).toEqual([message]);
      expect(heard[2]).toEqual([]);
    });

    test("keep the id that the sender gave", async () => {
      const { channel } = await enter(await startRoom());
      const answer = await answerOf(channel.push("new_msg", { body: "x", id: "mine-0001" }));
      expect(answer).toEqual({ status: "ok", response: { id: "mine-0001" } });
      expect((await answerOf(channel.push("new_msg", { body: "x", id: "<script>" }))).status).toBe("error");
    });

    test.each([
      ["4,000 characters", "x".repeat(4_000), "ok"],
      ["4,000 characters of two units each", "🐦".repeat(4_000), "ok"],
      ["4,001 characters", "x".repeat(4_001), "error"],
      ["4,001 characters of two units each", "🐦".repeat(4_001), "error"],
      ["nothing", "", "error"],
      ["spaces", " \n\t ", "error"],
      ["a number", 7, "error"],
    ])("answer a body of %s with the right status, and live on", async (_what, body, status) => {
      const { channel } = await enter(await startRoom());
      const answer = await answerOf(channel.push("new_msg", { body }));
      expect(answer.status).toBe(status);
      if (status === "error") expect(answer.response).toMatchObject({ reason: "invalid payload" });
      expect((await answerOf(channel.push("ping", {}))).status).toBe("ok");
    });

    test.each([[{}], [{ deep: [1, null, { x: "y" }] }]])("answer ping %j with the same", async (payload) => {
      const { channel } = await enter(await startRoom());
      expect(await answerOf(channel.push("ping", payload))).toEqual({ status: "ok", response: payload });
    });

    test("pass a shout on to everybody", async () => {
      const port = await startRoom();
      const [one, other] = [await enter(port), await enter(port)];
      const heard = [one, other].map(({ channel }) => payloadsOf(channel, "shout"));
      one.channel.push("shout", { body: "hey", n: 1 });
      await until(() => heard.every((payloads) => payloads.length > 0), "the shout at both");
      expect(heard).toEqual([[{ body: "hey", n: 1 }], [{ body: "hey", n: 1 }]]);
    });

    test("say that a list cannot be shouted, and live on", async () => {
      const { channel } = await enter(await startRoom());
      expect((await answerOf(channel.push("shout", [1, 2]))).status).toBe("error");
      expect((await answerOf(channel.push("ping", {}))).status).toBe("ok");
    });

    test("let somebody take another name", async () => {
      const { channel } = await enter(await startRoom(), { name: "Salik" });
      const heard = payloadsOf<ChatMessage>(channel, "new_msg");
      await answerOf(channel.push("rename", { name: "Simurgh" }));
      await answerOf(channel.push("new_msg", { body: "who am I" }));
      expect(heard.map(({ name }) => name)).toEqual(["Simurgh"]);
      expect((await answerOf(channel.push("rename", { name: " " }))).status).toBe("error");
    });

    /** As {@link enter}, with what the official client's presence makes of the room. */
    async function enterAmong(port: number, params: object) {
      const socket = await connect(port);
      const channel = socket.channel("room:lobby", params);
      const presence = new Presence(channel);
      const metas = () => presence.list((_name, { metas }: { metas: object[] }) => metas).flat();
      const names = () => presence.list((name) => name).sort();
      await answerOf(channel.join());
      await until(() => names().length > 0, "the presences of the room");
      return { channel, names, metas };
    }

    test("tell everybody who is there, by name, with node, device and time", async () => {
      const port = await startRoom();
      const one = await enterAmong(port, { name: "Attar", device: "phone" });
      const other = await enterAmong(port, { name: "Hudhud" });
      const at = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
      const common = { node: "n1@here", at, phx_ref: expect.any(String) };
      const both = [
        { ...common, device: "phone" },
        { ...common, device: "desktop" },
      ];
      expect(other.names()).toEqual(["Attar", "Hudhud"]);
      expect(other.metas()).toEqual(both);
      await until(() => one.metas().length === 2, "the second at the first");
      expect(one.metas()).toEqual(both);
      other.channel.leave();
      await until(() => one.metas().length === 1, "the second has left");
      expect(one.names()).toEqual(["Attar"]);
    });

    test.each([{ device: "toaster" }, { device: 7 }, {}])("let in with %j, as a desktop", async (params) => {
      const { metas } = await enterAmong(await startRoom(), params);
      expect(metas()).toMatchObject([{ device: "desktop" }]);
    });

    test("count every session of one name", async () => {
      const port = await startRoom();
      const one = await enterAmong(port, { name: "Attar" });
      const other = await enterAmong(port, { name: "Attar" });
      await until(() => one.metas().length === 2, "two sessions");
      expect([one.names(), other.names(), other.metas().length]).toEqual([["Attar"], ["Attar"], 2]);
    });

    test("tell who is typing, in one update each time that it begins or ends", async () => {
      const port = await startRoom();
      const [one, other] = [await enterAmong(port, { name: "Attar" }), await enterAmong(port, { name: "b" })];
      const diffs = payloadsOf<{ joins: object; leaves: object }>(other.channel, "presence_diff");
      const [before] = other.metas().slice(0, 1) as { phx_ref: string }[];
      const ofAttar = () => diffs.filter(({ joins }) => "Attar" in joins);
      for (const typing of [true, true, false]) {
        const answer = await answerOf(one.channel.push("typing", { typing }));
        expect(answer).toEqual({ status: "ok", response: { ref: expect.any(String) } });
      }
      await until(() => ofAttar().length === 2, "two updates");
      expect(ofAttar()[0]).toMatchObject({
        joins: { Attar: { metas: [{ typing: true, phx_ref_prev: before?.phx_ref }] } },
        leaves: { Attar: { metas: [{ phx_ref: before?.phx_ref }] } },
      });
      expect(other.metas()).toHaveLength(2);
      for (const meta of other.metas()) expect(meta).not.toHaveProperty("typing");
      expect((await answerOf(one.channel.push("typing", { typing: "yes" }))).status).toBe("error");
    });

    test("show a new name before the old one is gone", async () => {
      const port = await startRoom();
      const [one, other] = [await enterAmong(port, { name: "Salik" }), await enterAmong(port, { name: "b" })];
      const seen: string[][] = [];
      other.channel.on("presence_diff", () => void seen.push(other.names()));
      await answerOf(one.channel.push("rename", { name: "Simurgh" }));
      await until(
        () => other.names().includes("Simurgh") && other.names().length === 2,
        "the new name alone",
      );
      expect(seen.every((names) => names.length > 1)).toBe(true);
      expect(other.names()).toEqual(["Simurgh", "b"]);
    });

    test("do not obey kill where nobody would start the node again", async () => {
      const { channel } = await enter(await startRoom());
      expect(await answerOf(channel.push("kill", {}))).toEqual({
        status: "error",
        response: { reason: "nobody would start this node again" },
      });
    });
  },
);

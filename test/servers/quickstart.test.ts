import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answerOf, payloadsOf, useOfficialClients } from "../support/chat-client.js";
import { ask, freePort } from "../support/http.js";
import { until } from "../support/wait.js";

const program = fileURLToPath(new URL("../../examples/quickstart/server.mjs", import.meta.url));

describe("the ten-line server", () => {
  let server: ChildProcess;
  let port = 0;

  beforeAll(async () => {
    port = await freePort();
    const env = { ...process.env, PORT: String(port) };
    server = spawn(process.execPath, [program], { env, stdio: ["ignore", "inherit", "inherit"] });
    await until(async () => (await ask(port, "/ready")).status === 200, "the server");
  });
  afterAll(async () => {
    const ended = once(server, "exit");
    server.kill();
    await ended;
  });
  const connect = useOfficialClients();

  test("has ten lines, and is the one in the README", () => {
    const lines = readFileSync(program, "utf8")
      .split("\n")
      .filter((line) => line.trim() !== "");
    expect(lines).toHaveLength(10);
    const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
    expect(readme).toContain(`\`\`\`js\n${lines.join("\n")}\n\`\`\``);
  });

  test("lets the official clients chat", async () => {
    const sockets = [await connect(port), await connect(port)];
    const channels = sockets.map((socket) => socket.channel("room:lobby"));
    const heard = channels.map((channel) => payloadsOf(channel, "new_msg"));
    for (const channel of channels) {
      expect(await answerOf(channel.join())).toEqual({ status: "ok", response: { welcome: "room:lobby" } });
    }
    channels[0]?.push("new_msg", { body: "hello" });
    await until(() => heard.every((payloads) => payloads.length > 0), "the message at both");
    expect(heard).toEqual([[{ body: "hello" }], [{ body: "hello" }]]);
  });

  test("refuses what is no message", async () => {
    const channel = (await connect(port)).channel("room:lobby");
    await answerOf(channel.join());
    expect(await answerOf(channel.push("new_msg", { body: "" }))).toMatchObject({
      status: "error",
      response: { reason: "invalid payload", issues: [{ path: ["body"] }] },
    });
  });
});

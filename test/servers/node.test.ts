import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { ask, freePort } from "../support/http.js";
import { fixture, type Program, simurgh } from "../support/program.js";
import { joinRoom } from "../support/room-client.js";
import { until } from "../support/wait.js";

const secret = randomBytes(32).toString("base64");

describe("simurgh node", () => {
  const programs: Program[] = [];
  afterEach(async () => {
    for (const program of programs.splice(0)) {
      program.child.kill("SIGKILL");
      await program.ended;
    }
  });
  const start = (args: readonly string[], env: NodeJS.ProcessEnv = {}, app = "room-app.mjs") => {
    const program = simurgh(["node", fixture(app), ...args], env);
    programs.push(program);
    return program;
  };
  const ended = (program: Program, signal: NodeJS.Signals = "SIGTERM") => {
    program.child.kill(signal);
    return program.ended;
  };

  test("runs alone, says where, and takes its port from PORT", async () => {
    const port = await freePort();
    const node = start([], { PORT: String(port) });
    expect(await node.line("n1@")).toBe(`n1@127.0.0.1 listens at http://127.0.0.1:${port}`);
    const health = await ask(port, "/health");
    expect(health).toMatchObject({ status: 200, headers: { "x-simurgh-node": "n1@127.0.0.1" } });
    expect(JSON.parse(health.body)).toMatchObject({ node: "n1@127.0.0.1", connections: 0, ready: true });
    expect(await ended(node)).toEqual({ code: 0, signal: null });
  });

  test("links itself with peers that have the same secret", async () => {
    const [meshPort, firstPort, secondPort] = [await freePort(), await freePort(), await freePort()];
    const first = start(["--mesh-port", `${meshPort}`, "--port", `${firstPort}`], { SIMURGH_SECRET: secret });
    await first.line("n1@");
    const peers = ["--peers", `n1@127.0.0.1:${meshPort}`, "--secret-env", "OUR_SECRET"];
    const second = start(["--name", "n2@127.0.0.1", "--port", `${secondPort}`, ...peers], {
      OUR_SECRET: secret,
    });
    await second.line("n2@");
    const one = await joinRoom(firstPort);
    const two = await joinRoom(secondPort);
    expect([one.node, two.node]).toEqual(["n1@127.0.0.1", "n2@127.0.0.1"]);
    await until(() => {
      one.shout("across");
      return two.heard.includes("across");
    }, "the second hears the first");
  });

  test.each(["SIGTERM", "SIGINT"] as const)("sends its clients away on %s and exits 0", async (signal) => {
    const port = await freePort();
    const node = start(["--port", `${port}`]);
    await node.line("n1@");
    const client = await joinRoom(port);
    const closed = once(client.socket, "close");
    expect(await ended(node, signal)).toEqual({ code: 0, signal: null });
    expect((await closed)[0]).toBe(1012);
  });

  test("ends within --drain-timeout though its clients cannot be sent away", async () => {
    const node = start(["--port", "0", "--drain-timeout", "1"], {}, "stubborn-app.mjs");
    await node.line("n1@");
    expect(await ended(node)).toEqual({ code: 0, signal: null });
    expect(node.stderr).toContain("not drained in time");
  });

  test("ends at once when it is told a second time", async () => {
    const node = start(["--port", "0"], {}, "stubborn-app.mjs");
    await node.line("n1@");
    node.child.kill("SIGTERM");
    await node.line("cannot be drained");
    // Signals that come at once are one wish: npm and the terminal may both pass it on.
    const again = setInterval(() => node.child.kill("SIGTERM"), 100);
    expect(await node.ended).toEqual({ code: 0, signal: null });
    clearInterval(again);
    expect(node.stderr).toContain("hurrying");
  });

  test("says that its port is taken, and exits 1", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const node = start(["--port", String(port)]);
    expect(await node.ended).toMatchObject({ code: 1 });
    expect(node.stderr).toContain("simurgh: endpoint_bind_failed:");
    other.close();
  });

  test("writes only lines of the level that was asked for", async () => {
    const node = start(["--port", "0", "--log-level", "warn"]);
    await node.line("n1@");
    await ended(node);
    expect(node.stderr).toBe("");
  });
});

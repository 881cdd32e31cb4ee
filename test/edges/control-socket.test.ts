import { once } from "node:events";
import { mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { askFleet } from "../../src/cli/control/client.js";
import {
  controlPath,
  fleetFolder,
  makeFleetFolder,
  removeFleetFolder,
} from "../../src/cli/control/folder.js";
import { type ControlServer, startControl } from "../../src/cli/control/server.js";
import { SimurghError } from "../../src/runtime/errors.js";
import { freePort } from "../support/http.js";

describe("the control socket of a fleet", () => {
  const toFree: (() => unknown)[] = [];
  const temporary = process.env.TMPDIR;
  let port = 0;
  beforeEach(async () => {
    const folder = await mkdtemp(join(tmpdir(), "simurgh-test-"));
    process.env.TMPDIR = folder;
    port = await freePort();
    await makeFleetFolder(port);
    toFree.push(() => rm(folder, { recursive: true }));
  });
  afterEach(async () => {
    for (const free of toFree.splice(0).reverse()) await free();
    if (temporary === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = temporary;
  });
  const start = async (handler = async (): Promise<unknown> => ["a node"]): Promise<ControlServer> => {
    const control = await startControl(controlPath(port), handler);
    toFree.push(() => control.close());
    return control;
  };
  const ask = () => askFleet(port, { command: "nodes" }, 10_000);
  /** Sends raw text and gives back all that comes until the connection ends. */
  const say = (text: string) =>
    new Promise<string>((resolve) => {
      const socket = connect({ path: controlPath(port) });
      let answer = "";
      socket.on("data", (data) => {
        answer += data;
        if (answer.split("\n").length === text.split("\n").length) socket.end();
      });
      socket.on("error", () => {});
      socket.on("close", () => resolve(answer));
      socket.write(text);
    });

  test("answers, for this user alone", async () => {
    await start();
    expect(await ask()).toEqual(["a node"]);
    expect((await stat(fleetFolder(port))).mode & 0o777).toBe(0o700);
    expect((await stat(controlPath(port))).mode & 0o777).toBe(0o600);
  });

  test("answers several requests of one connection in their order", async () => {
    let count = 0;
    await start(async () => {
      count += 1;
      return count;
    });
    const answer = await say('{"command":"nodes"}\n{"command":"dance"}\nnonsense\n{"command":"nodes"}\n');
    expect(
      answer
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { ok: true, result: 1 },
      { ok: false, error: "not a request that this fleet knows" },
      { ok: false, error: "not a request that this fleet knows" },
      { ok: true, result: 2 },
    ]);
  });

  test("tells of what takes long, and passes on the code of what went wrong", async () => {
    const control = await startControl(controlPath(port), async (_request, progress) => {
      progress("half done");
      throw new SimurghError("drain_failed", "it died");
    });
    toFree.push(() => control.close());
    const heard: string[] = [];
    const asked = askFleet(port, { command: "nodes" }, 10_000, (line) => heard.push(line));
    await expect(asked).rejects.toMatchObject({ code: "drain_failed", message: "drain_failed: it died" });
    expect(heard).toEqual(["half done"]);
  });

  test("cuts who sends a line without end, and goes on", async () => {
    await start();
    expect(await say("x".repeat(2_000_000))).toBe("");
    expect(await ask()).toEqual(["a node"]);
  });

  test("tells what went wrong", async () => {
    await start(async () => {
      throw new Error("the nodes are asleep");
    });
    await expect(ask()).rejects.toMatchObject({
      code: "control_failed",
      message: expect.stringContaining("the nodes are asleep"),
    });
  });

  test("is not taken from a living fleet", async () => {
    await start();
    await expect(start()).rejects.toMatchObject({ code: "fleet_door_taken" });
    expect(await ask()).toEqual(["a node"]);
  });

  test("is taken over from a dead one", async () => {
    await writeFile(controlPath(port), "left behind");
    await start();
    expect(await ask()).toEqual(["a node"]);
  });

  test("is missing where there is no fleet", async () => {
    await expect(ask()).rejects.toMatchObject({ code: "fleet_not_found" });
    await start();
    await removeFleetFolder(port);
    await expect(ask()).rejects.toMatchObject({ code: "fleet_not_found" });
  });

  test.each([
    ["says nothing", 100, () => {}, "did not answer within"],
    [
      "answers nonsense",
      10_000,
      (write: (text: string) => void) => write("nonsense\n"),
      "not to be understood",
    ],
    [
      "answers without end",
      10_000,
      (write: (text: string) => void) => write("x".repeat(2_000_000)),
      "too long",
    ],
  ])("the asker is not harmed by one that %s", async (_what, limitMs, act, message) => {
    const broken = createServer((socket) => {
      socket.on("error", () => {});
      socket.resume();
      act((text) => socket.write(text));
    }).listen(controlPath(port));
    toFree.push(() => broken.close());
    await once(broken, "listening");
    await expect(askFleet(port, { command: "nodes" }, limitMs)).rejects.toMatchObject({
      code: "control_failed",
      message: expect.stringContaining(message),
    });
  });

  test("does not use a folder that is not its own", async () => {
    await removeFleetFolder(port);
    await writeFile(fleetFolder(port), "");
    await expect(makeFleetFolder(port)).rejects.toMatchObject({ code: "control_failed" });
    await rm(fleetFolder(port));
    await symlink(tmpdir(), fleetFolder(port));
    await expect(makeFleetFolder(port)).rejects.toMatchObject({ code: "control_failed" });
  });
});

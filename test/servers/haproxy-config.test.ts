import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { findHaproxy } from "../../src/edges/balancer/haproxy/binary.js";
import { type ConfigSettings, haproxyConfig, serverKey } from "../../src/edges/balancer/haproxy/config.js";
import { haproxyBalancer } from "../../src/edges/balancer/haproxy/haproxy-balancer.js";
import { checkConfig } from "../../src/edges/balancer/haproxy/process.js";
import { parseServerRows, runtimeCommand } from "../../src/edges/balancer/haproxy/runtime-socket.js";
import { lineLogger, silentLogger } from "../../src/edges/system/logger.js";
import { startBackend } from "../support/backend.js";
import { ask, freePort } from "../support/http.js";
import { descendants, isRunning } from "../support/program.js";
import { requireServer } from "../support/servers.js";
import { until } from "../support/wait.js";

const haproxy = requireServer("haproxy");

const folders: string[] = [];
const privateFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), "simurgh test "));
  folders.push(folder);
  return folder;
};
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

const settings = (folder: string): ConfigSettings => ({
  door: [
    { host: "127.0.0.1", port: 4000 },
    { host: "::1", port: 4000 },
    { host: "::", port: 4001 },
  ],
  servers: [
    { name: "n1@127.0.0.1", address: { host: "127.0.0.1", port: 4101 }, weight: 100 },
    { name: 'odd "name"\n#', address: { host: "::1", port: 4102 }, weight: 0 },
  ].map((server, index) => ({ key: serverKey(server.name, index + 1), server })),
  socketPath: join(folder, "haproxy.sock"),
  connectionsMax: 500,
  serverConnectionsMax: 400,
  tunnelTimeoutMs: 120_000,
});

describe.skipIf(haproxy.missing)("the config of HAProxy", () => {
  test("is valid, also with odd names and paths", async () => {
    const folder = privateFolder();
    const path = join(folder, "haproxy.cfg");
    writeFileSync(path, haproxyConfig(settings(folder)));
    expect(await checkConfig(haproxy.path, path)).toBeUndefined();
    const warnings = execFileSync(haproxy.path, ["-c", "-V", "-f", path], {
      encoding: "utf8",
      stdio: "pipe",
    });
    expect(warnings).not.toContain("WARNING");
  });

  test("is judged: a bad one is told with its line", async () => {
    const path = join(privateFolder(), "haproxy.cfg");
    writeFileSync(path, "frontend door\n    bind nowhere\n");
    expect(await checkConfig(haproxy.path, path)).toContain("haproxy.cfg:2");
  });

  test("names each server once in each pool, with letters that HAProxy allows", () => {
    const given = settings("/tmp");
    const text = haproxyConfig(given);
    const names = given.servers.map(({ key }) => key);
    expect(names).toEqual(["1_n1_127.0.0.1", "2_odd__name___"]);
    for (const name of names) expect(text.split(`    server ${name} `)).toHaveLength(3);
  });

  test("reads the servers out of HAProxy's table by the names of its columns", () => {
    const rows = parseServerRows("# svname,scur,x,pxname,status,\nn1,3,,web,UP 1/2,\nn2,0,,web,NOLB,\n\n");
    expect(rows).toEqual([
      { pool: "web", name: "n1", status: "UP 1/2", sessions: 3 },
      { pool: "web", name: "n2", status: "NOLB", sessions: 0 },
    ]);
  });
});

describe.skipIf(haproxy.missing)("HAProxy as a child", () => {
  test("is started again when it dies, with what it was last told", async () => {
    const backends = [await startBackend("old"), await startBackend("new")];
    const port = await freePort();
    const lines: string[] = [];
    const balancer = haproxyBalancer({
      door: [{ host: "127.0.0.1", port }],
      logger: lineLogger({ write: (line) => lines.push(line) }),
      binary: haproxy.path,
      folder: privateFolder(),
    });
    const [before, after] = backends.map((backend) => ({ ...backend.server, name: "n1" }));
    await balancer.start(before === undefined ? [] : [before]);
    if (after !== undefined) await balancer.update(after);
    expect((await ask(port)).headers["x-simurgh-node"]).toBe("new");
    const [pid = 0] = descendants(process.pid).filter((child) => isHaproxy(child));
    process.kill(pid, "SIGKILL");
    await until(() => lines.some((line) => line.includes("haproxy is gone")), "its death is noticed");
    await until(async () => (await ask(port)).headers["x-simurgh-node"] === "new", "it is back");
    expect(isRunning(pid)).toBe(false);
    await balancer.stop();
    for (const backend of backends) await backend.die();
  });

  test("keeps a server that was added when it dies, and puts back one that somebody took out by hand", async () => {
    const backends = [await startBackend("n1"), await startBackend("n2")];
    const port = await freePort();
    const folder = privateFolder();
    const lines: string[] = [];
    const balancer = haproxyBalancer({
      door: [{ host: "127.0.0.1", port }],
      logger: lineLogger({ write: (line) => lines.push(line) }),
      binary: haproxy.path,
      folder,
    });
    await balancer.start([]);
    for (const { server } of backends) await balancer.add(server);
    const isUp = async () => (await balancer.status()).map(({ state }) => state).join() === "up,up";
    const everyone = async () => {
      const seen = new Set<unknown>();
      for (let at = 0; at < 8; at++) seen.add((await ask(port)).headers["x-simurgh-node"]);
      return seen.size === 2;
    };
    await until(async () => (await isUp()) && (await everyone()), "both are used");
    const [pid = 0] = descendants(process.pid).filter((child) => isHaproxy(child));
    process.kill(pid, "SIGKILL");
    await until(async () => !isRunning(pid) && (await isUp()) && (await everyone()), "it is back with both");
    const socket = join(folder, "haproxy.sock");
    for (const pool of ["web", "websocket"]) {
      await runtimeCommand(socket, `set server ${pool}/1_n1 state maint`, 2_000);
      await until(
        async () => /deleted/.test(await runtimeCommand(socket, `del server ${pool}/1_n1`, 2_000)),
        "somebody takes it out",
      );
    }
    await until(() => lines.some((line) => line.includes("put right")), "the difference is seen");
    await until(async () => (await isUp()) && (await everyone()), "both are used again");
    await balancer.stop();
    for (const backend of backends) await backend.die();
  });

  test("that hangs fails a change in time, and is put right when it goes on, though it heard half of it", async () => {
    const backends = [await startBackend("n1"), await startBackend("n2")];
    const port = await freePort();
    const lines: string[] = [];
    const balancer = haproxyBalancer({
      door: [{ host: "127.0.0.1", port }],
      logger: lineLogger({ write: (line) => lines.push(line) }),
      binary: haproxy.path,
      folder: privateFolder(),
      rampMs: 0,
    });
    const [first, second] = backends;
    if (first === undefined || second === undefined) throw new Error("two backends");
    await balancer.start([first.server]);
    const [pid = 0] = descendants(process.pid).filter((child) => isHaproxy(child));
    process.kill(pid, "SIGSTOP");
    await expect(balancer.add(second.server)).rejects.toMatchObject({ code: "balancer_unreachable" });
    await expect(balancer.status()).rejects.toMatchObject({ code: "balancer_unreachable" });
    await until(() => lines.some((line) => line.includes("is not steered")), "it is told");
    process.kill(pid, "SIGCONT");
    await until(() => lines.some((line) => line.includes("is steered again")), "it is steered");
    expect((await balancer.status()).map(({ name }) => name)).toEqual(["n1"]);
    for (let at = 0; at < 6; at++) expect((await ask(port)).headers["x-simurgh-node"]).toBe("n1");
    await balancer.add(second.server);
    await until(async () => (await ask(port)).headers["x-simurgh-node"] === "n2", "the new one is used");
    await balancer.stop();
    for (const backend of backends) await backend.die();
  });

  test("says what HAProxy says when it does not start", async () => {
    const backend = await startBackend("in the way");
    const door = [{ host: "127.0.0.1", port: backend.port }];
    const balancer = haproxyBalancer({
      door,
      logger: silentLogger,
      binary: haproxy.path,
      folder: privateFolder(),
    });
    await expect(balancer.start([])).rejects.toMatchObject({
      code: "balancer_start_failed",
      message: expect.stringMatching(/cannot bind socket/i),
    });
    await backend.die();
  });

  test("says with a code when it does not take a change", async () => {
    const balancer = haproxyBalancer({
      door: [{ host: "127.0.0.1", port: await freePort() }],
      logger: silentLogger,
      binary: haproxy.path,
      folder: privateFolder(),
    });
    const server = { name: "n1", address: { host: "127.0.0.1", port: 1 }, weight: 1 };
    await balancer.start([server]);
    const failed = { code: "balancer_update_failed" };
    await expect(balancer.update({ ...server, weight: 999 })).rejects.toMatchObject(failed);
    await balancer.stop();
    await expect(balancer.update(server)).rejects.toMatchObject({ code: "balancer_unreachable" });
  });
});

describe("the search for HAProxy", () => {
  test("finds it with its version", async () => {
    if (haproxy.missing) return expect(await findHaproxy("")).toBe("no haproxy binary was found");
    expect(await findHaproxy("")).toMatchObject({ version: expect.stringMatching(/^\d+\.\d+/) });
  });

  test.each([
    ["is too old", "echo 'HA-Proxy version 1.8.30 2021/04/12'", "is 1.8.30, older than 2.6"],
    ["is something else", "echo hello", "does not say its version"],
    ["does not run", "exit 1", "does not say its version"],
  ])("takes none that %s", async (_what, script, reason) => {
    const folder = privateFolder();
    writeFileSync(join(folder, "haproxy"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    expect(await findHaproxy(folder)).toBe(`${join(folder, "haproxy")} ${reason}`);
  });
});

function isHaproxy(pid: number): boolean {
  return readFileSync(`/proc/${pid}/comm`, "utf8").trim() === "haproxy";
}

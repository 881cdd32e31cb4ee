import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stopMsMax } from "../../src/cli/node/node-life.js";
import { drainOptions } from "../../src/runtime/fleet/drain.js";
import { type Container, startContainer, statusOf } from "../support/deployment/container.js";
import { buildImage, type Image } from "../support/deployment/image.js";
import { ask, freePort, openSocket } from "../support/http.js";
import { requireContainers } from "../support/servers.js";
import { until } from "../support/wait.js";

const containers = await requireContainers();
const root = fileURLToPath(new URL("../..", import.meta.url));

/** With this set the image gets its packages by `npm ci`, as the Dockerfile says, which takes a registry. */
const install = process.env.SIMURGH_IMAGE_INSTALL === "1";

describe.skipIf(containers.missing)("what the Dockerfile says, done without an engine", () => {
  let folder = "";
  let image: Image;
  const started: Container[] = [];
  const start = async (...given: Parameters<typeof startContainer>) => {
    const container = await startContainer(...given);
    started.push(container);
    return container;
  };

  beforeAll(async () => {
    // In the repository, since links to packages cannot leave their file system.
    mkdirSync(`${root}.simurgh`, { recursive: true });
    folder = mkdtempSync(`${root}.simurgh/image-`);
    image = await buildImage(folder, install);
  }, 600_000);

  afterAll(async () => {
    for (const container of started) await container.kill();
    if (folder !== "") rmSync(folder, { recursive: true, force: true });
  });

  test("makes an image with all that the application needs, and without what only its making needed", () => {
    const there = (path: string) => existsSync(join(image.folder, "app", path));
    const { dependencies, devDependencies } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
    const chat = JSON.parse(readFileSync(`${root}examples/chat/package.json`, "utf8"));
    const needed = Object.keys({ ...dependencies, ...chat.dependencies });
    const missing = needed.filter((name) => !there(`node_modules/${name}/package.json`));
    expect(missing).toEqual([]);
    const left = Object.keys(devDependencies).filter(
      (name) => !needed.includes(name) && there(`node_modules/${name}`),
    );
    expect(left).toEqual([]);
    for (const path of [
      "dist/cli/main.js",
      "examples/chat/dist/server.js",
      "examples/chat/dist/web/index.html",
    ]) {
      expect(there(path), path).toBe(true);
    }
    for (const path of [".git", "test", "docs", "deploy", "bench"]) expect(there(path), path).toBe(false);
  });

  test("makes an image whose node runs as process 1, may write nowhere, is healthy, and drains when it is told to end", async () => {
    const port = await freePort();
    const node = await start(image, { PORT: `${port}` });
    await node.program.line("n1@");
    expect(readFileSync(`/proc/${node.pid}/cmdline`, "utf8").split("\0")[0]).toBe("node");
    expect(statusOf(node.pid, "NSpid").split(/\s+/).at(-1)).toBe("1");
    expect(statusOf(node.pid, "Uid").split(/\s+/)).toEqual(["1000", "1000", "1000", "1000"]);
    expect(statusOf(node.pid, "CapEff")).toMatch(/^0+$/);
    expect(statusOf(node.pid, "NoNewPrivs")).toBe("1");
    for (const path of [`${image.workdir}/x`, "/tmp/x", "/var/tmp/x"]) {
      const script = `require("fs").writeFileSync(${JSON.stringify(path)}, "")`;
      expect((await node.exec(["node", "-e", script])).output).toContain("EROFS");
    }
    expect(await node.exec(image.health)).toMatchObject({ code: 0 });
    expect((await ask(port)).body).toContain("<!doctype html>");

    const socket = await openSocket(port, "/socket/websocket?vsn=2.0.0");
    const closed = once(socket, "close");
    const { noticeMs, timeoutMs } = drainOptions({});
    const from = performance.now();
    process.kill(node.pid, "SIGTERM");
    await until(async () => (await ask(port, "/ready")).status === 503, "it drains");
    expect(await node.exec(image.health)).toMatchObject({ code: 0 });
    expect((await closed)[0]).toBe(1012);
    expect(await node.program.ended).toEqual({ code: 0, signal: null });
    expect(performance.now() - from).toBeLessThan(noticeMs + timeoutMs + stopMsMax);
  });

  test("makes an image whose health check fails where nobody answers", async () => {
    const [port, other] = [await freePort(), await freePort()];
    const node = await start({ ...image, env: { ...image.env, PORT: `${other}` } }, {}, [
      "./dist/server.js",
      `--port=${port}`,
    ]);
    await node.program.line("n1@");
    expect(await node.exec(image.health)).toMatchObject({ code: 1 });
  });
});

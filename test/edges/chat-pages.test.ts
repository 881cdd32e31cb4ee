import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { servePages } from "../../examples/chat/src/pages.js";
import { ask } from "../support/http.js";

describe("the pages of the chat", () => {
  const folder = mkdtempSync(join(tmpdir(), "simurgh-pages-"));
  let server: Server;
  let port = 0;

  beforeAll(async () => {
    const web = join(folder, "web");
    mkdirSync(web);
    writeFileSync(join(folder, "secret.txt"), "secret");
    writeFileSync(join(web, ".hidden"), "secret");
    writeFileSync(join(web, "index.html"), "<!doctype html><title>Chat</title>");
    writeFileSync(join(web, "main-2XJ4QK7A.js"), "export {};");
    writeFileSync(join(web, "robots.txt"), "none");
    server = createServer(servePages(web)).listen(0, "127.0.0.1");
    await once(server, "listening");
    // A TCP server has an AddressInfo.
    ({ port } = server.address() as AddressInfo);
  });

  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  test("begin with the chat, which is never kept by a cache", async () => {
    const { status, headers, body } = await ask(port, "/");
    expect({ status, body }).toEqual({ status: 200, body: "<!doctype html><title>Chat</title>" });
    expect(headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "content-security-policy": expect.stringContaining("default-src 'none'"),
      "x-content-type-options": "nosniff",
    });
  });

  test("keep for ever what is named by its content, and nothing else", async () => {
    const main = await ask(port, "/main-2XJ4QK7A.js");
    expect(main.headers).toMatchObject({
      "content-type": "text/javascript; charset=utf-8",
      "cache-control": "public, max-age=31536000, immutable",
    });
    expect((await ask(port, "/robots.txt")).headers).toMatchObject({ "cache-control": "no-store" });
  });

  test.each([
    "/nothing",
    "/.hidden",
    "/../secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e/secret.txt",
    "/..\\secret.txt",
    "//secret.txt",
    "/%",
    "/%00",
    "/main-2XJ4QK7A.js/",
  ])("have nothing at %s", async (path) => {
    const { status, body, headers } = await ask(port, path);
    expect({ status, body }).toEqual({ status: 404, body: "Not Found\n" });
    expect(headers).toMatchObject({ "content-security-policy": expect.any(String) });
  });

  test("are read, not written", async () => {
    const { status, headers } = await ask(port, "/", { method: "POST", body: "x" });
    expect({ status, allow: headers.allow }).toEqual({ status: 405, allow: "GET, HEAD" });
    expect((await ask(port, "/", { method: "HEAD" })).status).toBe(200);
  });

  test("answer a senseless range with the whole", async () => {
    const { status, body } = await ask(port, "/robots.txt", { headers: { range: "bytes=5-2" } });
    expect({ status, body }).toEqual({ status: 200, body: "none" });
  });

  test("say that they have to be built", () => {
    expect(() => servePages(join(folder, "nowhere"))).toThrow("npm run build");
  });
});

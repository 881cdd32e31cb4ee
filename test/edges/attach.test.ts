import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { createEndpoint, type Endpoint, ok, socket } from "../../src/index.js";
import { Authority } from "../support/certificates.js";
import { ask, askRaw, nextMessage, openSocket } from "../support/http.js";
import { MemoryLogger } from "../support/node.js";
import { handshakeText } from "../support/raw-websocket.js";
import { requireServer } from "../support/servers.js";

const users = socket();
const room = users.channel({ join: () => ok(), in: { ping: (_ch, payload) => ok(payload) } });
const TARGET = "/socket/websocket?vsn=2.0.0";

const running: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of running.splice(0).reverse()) await stop();
});

function makeEndpoint(): Endpoint {
  const sockets = { "/socket": users.routes({ "room:*": room }) };
  const endpoint = createEndpoint({ name: "n1@test", sockets, logger: new MemoryLogger() });
  running.push(() => endpoint.stop());
  return endpoint;
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  running.push(() => new Promise((resolve) => server.close(resolve)));
  // A TCP server has an AddressInfo.
  return (server.address() as AddressInfo).port;
}

/** An application as frameworks make them: it answers everything, and never twice. */
const application: RequestListener = (request, response) => {
  if (request.url === "/missing") return void response.writeHead(404, { "x-own": "1" }).end("missing");
  let bytes = 0;
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
  });
  request.on("end", () => response.end(`${request.method} ${request.url} ${bytes}`));
};

/** A client joins and is answered. */
async function expectChannels(client: WebSocket): Promise<void> {
  client.send('["1","1","room:1","phx_join",{}]');
  expect(JSON.parse(String(await nextMessage(client)))[4]).toEqual({ status: "ok", response: {} });
  client.send('["1","2","room:1","ping",{"x":1}]');
  expect(JSON.parse(String(await nextMessage(client)))[4]).toEqual({ status: "ok", response: { x: 1 } });
  const closed = once(client, "close");
  client.close(1000);
  await closed;
}

describe.each(["before", "after"])(
  "an endpoint that is attached to a server of others %s they listen",
  (order) => {
    async function scene(prepare: (server: Server) => void) {
      const server = createServer();
      const endpoint = makeEndpoint();
      if (order === "after") prepare(server);
      await endpoint.attach(server);
      if (order === "before") prepare(server);
      return { endpoint, server, port: await listen(server) };
    }

    it("leaves their routes alone, and names its node on all", async () => {
      const { port } = await scene((server) => server.on("request", application));
      const answers = {
        "/": { status: 200, body: "GET / 0" },
        "/missing": { status: 404, body: "missing" },
        "/healthy": { status: 200, body: "GET /healthy 0" },
        "/socket": { status: 200, body: "GET /socket 0" },
        "/socket/websocketx": { status: 200, body: "GET /socket/websocketx 0" },
      };
      for (const [path, expected] of Object.entries(answers)) {
        const answer = await ask(port, path);
        expect(answer).toMatchObject(expected);
        expect(answer.headers["x-simurgh-node"]).toBe("n1@test");
      }
      const upload = await ask(port, "/up", { method: "POST", body: Buffer.alloc(100_000) });
      expect(upload.body).toBe("POST /up 100000");
    });

    it("answers its own addresses alone: their listeners never hear of them", async () => {
      const heard: string[] = [];
      const { port } = await scene((server) => {
        server.on("request", (request, response) => {
          heard.push(request.url ?? "");
          application(request, response);
        });
        server.on("upgrade", ({ url }, other) => {
          heard.push(url ?? "");
          other.destroy();
        });
      });
      expect((await ask(port, "/health")).status).toBe(200);
      expect((await ask(port, "/ready")).status).toBe(200);
      expect((await ask(port, TARGET)).status).toBe(400);
      expect((await ask(port, TARGET, { method: "POST" })).status).toBe(400);
      await expectChannels(await openSocket(port, TARGET));
      expect(heard).toEqual([]);
    });

    it("leaves their WebSockets alone, and is left alone by them", async () => {
      const { port } = await scene((server) => {
        server.on("request", application);
        const theirs = new WebSocketServer({ server, path: "/theirs" });
        theirs.on("connection", (client) => client.on("message", (data) => client.send(`theirs ${data}`)));
      });
      const client = await openSocket(port, "/theirs");
      client.send("hello");
      expect(String(await nextMessage(client))).toBe("theirs hello");
      client.terminate();
      await expectChannels(await openSocket(port, TARGET));
    });

    it("gives upgrades that nobody takes to their routes, as if it was not there", async () => {
      const { port } = await scene((server) => server.on("request", application));
      const answer = await askRaw(port, handshakeText("/page", { upgrade: "h2c" }));
      expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(answer).toContain("GET /page 0");
      const large = await scene((server) =>
        server.on("request", (_request, response) => {
          response.write("x".repeat(5_000_000), () => response.end("end"));
        }),
      );
      const long = await askRaw(large.port, handshakeText("/page", { upgrade: "h2c" }));
      expect(long.length).toBeGreaterThan(5_000_000);
    });
  },
);

describe("an endpoint that is attached", () => {
  it("answers what nobody does with 404", async () => {
    const server = createServer();
    await makeEndpoint().attach(server);
    const port = await listen(server);
    const answer = await ask(port, "/nothing");
    expect([answer.status, answer.headers["x-simurgh-node"]]).toEqual([404, "n1@test"]);
    expect(await askRaw(port, handshakeText("/nothing"))).toMatch(/^HTTP\/1\.1 404 /);
  });

  it("leaves the server's own listeners where they were", async () => {
    const server = createServer(application);
    await makeEndpoint().attach(server);
    expect(server.listeners("request")).toEqual([application]);
  });

  it.each([
    ["somebody's", application, "GET /page 0", 200],
    ["nobody's", undefined, "", 404],
  ])("shares %s server with another, each with its own addresses", async (_whose, app, body, status) => {
    const server = createServer(app);
    const other = createEndpoint({
      name: "n2@test",
      sockets: { "/other": users.routes({ "room:*": room }) },
      logger: new MemoryLogger(),
    });
    running.push(() => other.stop());
    await makeEndpoint().attach(server);
    await other.attach(server);
    const port = await listen(server);
    await expectChannels(await openSocket(port, TARGET));
    await expectChannels(await openSocket(port, "/other/websocket?vsn=2.0.0"));
    expect(await ask(port, "/page")).toMatchObject({ body, status });
    expect(await askRaw(port, handshakeText("/page"))).toContain(`HTTP/1.1 ${status} `);
  });

  it("refuses connections after its stop, and says that it is not ready; the server goes on", async () => {
    const server = createServer(application);
    const endpoint = makeEndpoint();
    await endpoint.attach(server);
    const port = await listen(server);
    const client = await openSocket(port, TARGET);
    const closed = once(client, "close");
    await endpoint.stop();
    expect((await closed)[0]).toBe(1012);
    await expect(openSocket(port, TARGET)).rejects.toThrow("503");
    expect((await ask(port, "/ready")).status).toBe(503);
    expect((await ask(port, "/page")).body).toBe("GET /page 0");
  });
});

const openssl = requireServer("openssl");

describe.skipIf(openssl.missing)("an endpoint on a server with a certificate", () => {
  it("serves wss", async () => {
    const authority = new Authority(openssl.path);
    running.push(async () => authority.dispose());
    const server = createSecureServer(authority.issue("IP:127.0.0.1"), application);
    await makeEndpoint().attach(server);
    const port = await listen(server);
    const client = new WebSocket(`wss://127.0.0.1:${port}${TARGET}`, { ca: authority.ca });
    await once(client, "open");
    await expectChannels(client);
  });
});

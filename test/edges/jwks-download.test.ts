import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { downloadJson } from "../../src/edges/system/jwks-download.js";
import { jwt } from "../../src/jwt.js";
import { byKey, ecPair, forge } from "../support/jwts.js";
import { MemoryLogger } from "../support/node.js";

const limits = { timeoutMs: 10_000, bytesMax: 1_000 };
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

async function serve(listener: RequestListener): Promise<URL> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ends.push(() => {
    server.close();
    server.closeAllConnections();
  });
  // A listening TCP server has an AddressInfo.
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`);
}

describe("a download of keys", () => {
  it("brings what is there", async () => {
    const url = await serve((request, response) => {
      response.end(JSON.stringify({ accept: request.headers.accept }));
    });
    expect(await downloadJson(url, limits)).toEqual({ accept: "application/json, application/jwk-set+json" });
  });

  it.each([
    ["an error", "HTTP 500", (_request, response) => response.writeHead(500).end("{}")],
    ["another success", "HTTP 204", (_request, response) => response.writeHead(204).end()],
    [
      "a way to elsewhere",
      "HTTP 302",
      (_request, response) => response.writeHead(302, { location: "http://127.0.0.1:1/" }).end(),
    ],
    ["no JSON", "the answer is no JSON", (_request, response) => response.end("<secret>")],
    ["too much", "more than 1000 bytes", (_request, response) => response.end(" ".repeat(1_001))],
  ] as [string, string, RequestListener][])("refuses %s", async (_what, message, listener) => {
    const failure = await downloadJson(await serve(listener), limits).catch((error: Error) => error.message);
    expect(failure).toContain(message);
    expect(failure).not.toContain("secret");
  });

  it("stops an answer without end", async () => {
    let open = true;
    const url = await serve((_request, response) => {
      response.on("close", () => {
        open = false;
      });
      const more = () => {
        while (open && response.write(" ".repeat(10_000)));
      };
      response.on("drain", more);
      more();
    });
    await expect(downloadJson(url, limits)).rejects.toThrow("more than 1000 bytes");
  });

  it("gives up an issuer that hangs, before his answer or in it", async () => {
    const silent = await serve(() => {});
    await expect(downloadJson(silent, { ...limits, timeoutMs: 100 })).rejects.toThrow(
      "no answer within 100 ms",
    );
    const halting = await serve((_request, response) => void response.write("{"));
    await expect(downloadJson(halting, { ...limits, timeoutMs: 300 })).rejects.toThrow("timeout");
  });

  it("names the system's reason when there is nobody", async () => {
    const url = await serve(() => {});
    for (const end of ends.splice(0)) end();
    await expect(downloadJson(url, limits)).rejects.toThrow("ECONNREFUSED");
  });
});

describe("a verifier on the machine's own time and network", () => {
  it("passes what a published key signed", async () => {
    const pair = ecPair();
    const url = await serve((_request, response) => {
      response.end(JSON.stringify({ keys: [{ ...pair.jwk, kid: "k1" }] }));
    });
    const logger = new MemoryLogger();
    const verifier = jwt({ jwksUrl: url, issuer: "https://id.example", audience: "chat", logger });
    const claims = {
      sub: "u",
      iss: "https://id.example",
      aud: "chat",
      exp: Math.floor(Date.now() / 1000) + 60,
    };
    const checked = await verifier.verify(forge({ alg: "ES256", kid: "k1" }, claims, byKey(pair)));
    expect(checked).toMatchObject({ ok: true, token: { subject: "u" } });
    expect(logger.lines).toEqual([]);
  });
});

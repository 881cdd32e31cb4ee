import net from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MeshTls } from "../../src/edges/pubsub/mesh/tcp-network.js";
import { Authority } from "../support/certificates.js";
import { startCluster, startNode, untilMeshed } from "../support/mesh-node.js";
import { requireServer } from "../support/servers.js";
import { until } from "../support/wait.js";

const openssl = requireServer("openssl");
const quick = { backoffBaseMs: 5, backoffMaxMs: 50 };

describe.skipIf(openssl.missing)("a mesh over TLS", () => {
  let authority: Authority;
  let stranger: Authority;
  let loopback: MeshTls;

  beforeAll(() => {
    authority = new Authority(openssl.path);
    stranger = new Authority(openssl.path);
    loopback = { ca: authority.ca, ...authority.issue("IP:127.0.0.1") };
  });

  afterAll(() => {
    authority.dispose();
    stranger.dispose();
  });

  it("carries messages of all sizes in order, with a certificate asked of both ends", async () => {
    const [a, b, c] = await startCluster(["a", "b", "c"], { tls: loopback });
    await Promise.all([b?.mesh.subscribe("room:1"), c?.mesh.subscribe("room:1")]);
    // Several megabytes in several turns: no byte may change, although the bytes of a turn are written but once.
    const sent = Array.from(
      { length: 1_000 },
      (_, i) => `${i} ${String.fromCharCode(97 + (i % 26)).repeat(i * 4)}`,
    );
    sent.push("y".repeat(1_048_576));
    for (const [i, text] of sent.entries()) {
      a?.say("room:1", text);
      if (i % 40 === 39) await new Promise((resolve) => setImmediate(resolve));
    }
    for (const node of [b, c]) {
      await until(() => node?.deliveries.length === sent.length, "all messages");
      expect(node?.texts("room:1").every((text, i) => text === sent[i])).toBe(true);
    }
  });

  it("does not show a word of it on the wire", async () => {
    const a = await startNode("a", { tls: loopback });
    let seen = Buffer.alloc(0);
    const [host, port] = a.address.split(":");
    const tap = net.createServer((near) => {
      const far = net.connect({ host, port: Number(port) });
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        from.on("error", () => to.destroy());
        from.on("data", (bytes) => {
          seen = Buffer.concat([seen, bytes]);
          to.write(bytes);
        });
        from.on("close", () => to.destroy());
      }
    });
    await new Promise<void>((resolve) => void tap.listen(0, "127.0.0.1", resolve));
    const tapPort = (tap.address() as net.AddressInfo).port;
    const b = await startNode("b", { tls: loopback, peers: [`127.0.0.1:${tapPort}`] });
    await untilMeshed([a, b]);
    await b.mesh.subscribe("room:whispered");
    a.say("room:whispered", "a word");
    await until(() => b.deliveries.length === 1, "the message");
    expect(seen.length).toBeGreaterThan(1_000);
    for (const word of ["SIMURGH", "whispered", "a word"]) expect(seen.includes(word)).toBe(false);
    tap.close();
  });

  it("refuses a node that dials without a certificate, or with a stranger's, with one line", async () => {
    const a = await startNode("a", { tls: loopback, timing: quick });
    const { cert, key } = stranger.issue("IP:127.0.0.1");
    const b = await startNode("b", {
      tls: { ca: authority.ca, cert, key },
      timing: quick,
      peers: [a.address],
    });
    await until(() => a.stat("tls_faults") >= 3, "three refusals");
    expect(a.mesh.nodes()).toEqual([]);
    expect(a.stat("links_accepted")).toBe(0);
    expect(a.warnings()).toHaveLength(1);
    expect(b.mesh.nodes()).toEqual([]);
  });

  it("asks the dialler for no certificate when mutual is off; the secret still decides", async () => {
    const oneSided = { ...loopback, mutual: false };
    const { cert, key } = stranger.issue("IP:127.0.0.1");
    const a = await startNode("a", { tls: oneSided, timing: quick });
    const b = await startNode("b", {
      tls: { ca: authority.ca, cert, key },
      peers: [a.address],
      timing: quick,
    });
    await untilMeshed([a, b]);
    const c = await startNode("c", {
      tls: { ca: authority.ca, cert, key },
      peers: [a.address],
      secret: "not the secret of the others",
    });
    await until(() => a.stat("refused_secret") > 0, "the refusal");
    expect(c.mesh.nodes()).toEqual([]);
  });

  it("does not link with a node whose certificate is a stranger's, or bears another name", async () => {
    const faults = [
      { ca: authority.ca, ...stranger.issue("IP:127.0.0.1"), mutual: false },
      { ca: authority.ca, ...authority.issue("DNS:elsewhere.test"), mutual: false },
    ];
    for (const tls of faults) {
      const a = await startNode("a", { tls, timing: quick });
      const b = await startNode("b", { tls: loopback, timing: quick, peers: [a.address] });
      await until(() => b.stat("dials_failed") >= 3, "three dials fail");
      expect(b.mesh.nodes()).toEqual([]);
      expect(b.warnings()).toHaveLength(1);
    }
  });

  it("may share one certificate for one name, whatever the hosts are", async () => {
    const tls = { ca: authority.ca, ...authority.issue("DNS:mesh.test"), serverName: "mesh.test" };
    await startCluster(["a", "b"], { tls });
  });

  it("and one without do not understand each other, and say so once", async () => {
    const secure = await startNode("a", { tls: loopback, timing: quick });
    const plain = await startNode("b", { timing: quick, peers: [secure.address] });
    await until(() => secure.stat("tls_faults") >= 3, "three refusals");
    expect(secure.warnings()).toHaveLength(1);
    secure.mesh.connect(plain.address);
    await until(() => plain.stat("protocol_faults") >= 3, "three refusals");
    expect(plain.warnings("not a mesh peer")).toHaveLength(1);
  });

  it("does not wait for a dawdler when it stops", async () => {
    const a = await startNode("a", { tls: loopback });
    const [host, port] = a.address.split(":");
    const dawdler = net.connect({ host, port: Number(port) });
    dawdler.on("error", () => {});
    await until(() => dawdler.readyState === "open", "the connection");
    await a.mesh.stop();
    await until(() => dawdler.destroyed, "it is cut off");
  });
});

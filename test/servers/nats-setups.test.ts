import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { nats } from "../../src/edges/pubsub/nats/nats.js";
import type { SimurghError } from "../../src/runtime/errors.js";
import { type Broker, startNats } from "../support/brokers.js";
import { Authority } from "../support/certificates.js";
import { startEngineNode } from "../support/engine-node.js";
import { freePort } from "../support/http.js";
import { requireServer } from "../support/servers.js";
import { until } from "../support/wait.js";

const server = requireServer("nats-server");
const openssl = requireServer("openssl");

const owned = async (starting: Promise<Broker>) => {
  const broker = await starting;
  onTestFinished(() => broker.end());
  return broker;
};

/** Two servers that are one NATS. */
async function startTwo(): Promise<[Broker, Broker]> {
  const [first, second] = [await freePort(), await freePort()];
  const cluster = (own: number, other: number) =>
    `cluster { name: c, listen: "127.0.0.1:${own}", routes: ["nats://127.0.0.1:${other}"] }`;
  const brokers = [
    await owned(startNats(server, cluster(first, second))),
    await owned(startNats(server, cluster(second, first))),
  ] as const;
  await until(
    () => brokers.every(({ output }) => output.includes("Route connection created")),
    "their route",
  );
  return [...brokers];
}

describe.skipIf(server.missing)("the nats engine on a cluster of servers", () => {
  test("nodes on different servers hear each other, in order", async () => {
    const [one, two] = await startTwo();
    const a = await startEngineNode("a@test", nats({ servers: `127.0.0.1:${one.port}` }));
    const b = await startEngineNode("b@test", nats({ servers: `127.0.0.1:${two.port}` }));
    await until(() => a.adapter.nodes().length + b.adapter.nodes().length === 2, "they know each other");
    await b.adapter.subscribe("room:far");
    // The other server hears of a subscription a moment after our own has confirmed it.
    await until(() => {
      a.say("room:far", "there?");
      return b.texts("room:far").length > 0;
    }, "the interest has arrived");
    for (let i = 0; i < 500; i++) a.say("room:far", `${i}`);
    await until(() => b.texts("room:far").includes("499"), "all of it");
    const numbers = b.texts("room:far").filter((text) => text !== "there?");
    expect(numbers).toEqual(Array.from({ length: 500 }, (_, i) => `${i}`));
  });

  test("a node whose server dies goes on at one that it was not told of", async () => {
    const [one, two] = await startTwo();
    const a = await startEngineNode("a@test", nats({ servers: `127.0.0.1:${one.port}` }));
    const b = await startEngineNode("b@test", nats({ servers: `127.0.0.1:${two.port}` }));
    await b.adapter.subscribe("room:far");
    await one.kill();
    await until(() => a.happened.includes("engine_up"), "it is back");
    await until(() => {
      a.say("room:far", "hello");
      return b.texts("room:far").length > 0;
    }, "it is heard");
    expect(a.lines.at(-1)?.fields).toMatchObject({ broker: `127.0.0.1:${two.port}` });
  });
});

describe.skipIf(server.missing)("the nats engine and what its server demands", () => {
  test("the server's own limit of a message is the engine's", async () => {
    const broker = await owned(startNats(server, "max_payload: 1000"));
    const a = await startEngineNode("a@test", nats({ servers: `127.0.0.1:${broker.port}` }));
    a.adapter.publish("room:small", new Uint8Array(1_000));
    const tooLarge = () => a.adapter.publish("room:small", new Uint8Array(1_001));
    expect(tooLarge).toThrow(expect.objectContaining({ code: "payload_too_large" }));
    // The name of a long topic takes part of it.
    const long = () => a.adapter.publish("x".repeat(300), new Uint8Array(400));
    expect(long).toThrow(expect.objectContaining({ code: "payload_too_large" }));
    expect([a.stat("messages_out"), a.happened]).toEqual([1, []]);
  });

  test("a token in the address is passed on", async () => {
    const broker = await owned(startNats(server, 'authorization { token: "s3cret" }'));
    const a = await startEngineNode("a@test", nats({ servers: `nats://s3cret@127.0.0.1:${broker.port}` }));
    expect(a.adapter.healthy).toBe(true);
  });

  test("what is not permitted is logged and counted, and the rest works", async () => {
    const user = `{ user: a, password: b, permissions: { subscribe: ["simurgh.n.>", "simurgh.n", "simurgh.t.open"] } }`;
    const broker = await owned(startNats(server, `authorization { users: [${user}] }`));
    const servers = `nats://a:b@127.0.0.1:${broker.port}`;
    const a = await startEngineNode("a@test", nats({ servers }));
    const b = await startEngineNode("b@test", nats({ servers }));
    await Promise.all([b.adapter.subscribe("closed"), b.adapter.subscribe("open")]);
    a.say("closed", "hello");
    a.say("open", "hello");
    await until(() => b.texts("open").length > 0 && b.stat("refusals") > 0, "one is heard, one refused");
    expect([b.texts("closed"), b.adapter.healthy]).toEqual([[], true]);
    const errors = b.lines.filter(({ level }) => level === "error");
    expect(errors.map(({ fields }) => fields)).toEqual([
      { what: "subscription simurgh.t.closed", refusals: 1 },
    ]);
  });
});

describe.skipIf(server.missing || openssl.missing)("the nats engine with TLS", () => {
  const authority = new Authority(openssl.path);
  afterAll(() => authority.dispose());
  const files = () => {
    const { cert, key } = authority.issue("IP:127.0.0.1");
    return { "cert.pem": cert, "key.pem": key, "ca.pem": authority.ca };
  };
  const tls = (more = "") => `tls { cert_file: cert.pem, key_file: key.pem, ca_file: ca.pem${more} }`;

  test("trusts whom it is told to trust", async () => {
    const broker = await owned(startNats(server, tls(), files()));
    const servers = `tls://127.0.0.1:${broker.port}`;
    const a = await startEngineNode("a@test", nats({ servers, client: { tls: { ca: authority.ca } } }));
    expect(a.adapter.healthy).toBe(true);
    const stranger = startEngineNode("b@test", nats({ servers }));
    const error: SimurghError = await stranger.catch((thrown) => thrown);
    expect(error.code).toBe("engine_refused");
  });

  test("shows its own certificate when the server wants one", async () => {
    const broker = await owned(startNats(server, tls(", verify: true"), files()));
    const servers = `tls://127.0.0.1:${broker.port}`;
    const own = authority.issue("DNS:a.test");
    const client = { tls: { ca: authority.ca, ...own } };
    const a = await startEngineNode("a@test", nats({ servers, client }));
    expect(a.adapter.healthy).toBe(true);
  });
});

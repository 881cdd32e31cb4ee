import { createClient } from "redis";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { type RedisOptions, redis } from "../../src/edges/pubsub/redis/redis.js";
import { slotOf } from "../../src/edges/pubsub/redis/slots.js";
import type { SimurghError } from "../../src/runtime/errors.js";
import { type Broker, startRedis, startRedisTls } from "../support/brokers.js";
import { Authority } from "../support/certificates.js";
import { startEngineNode } from "../support/engine-node.js";
import { startRedisCluster, untilClusterIsUp } from "../support/redis-cluster.js";
import { requireServer } from "../support/servers.js";
import { until } from "../support/wait.js";

const server = requireServer("redis-server");
const openssl = requireServer("openssl");

const owned = async (starting: Promise<Broker>) => {
  const broker = await starting;
  onTestFinished(() => broker.end());
  return broker;
};
/** A client of the test's own. */
async function connect(broker: Broker) {
  const client = createClient({ url: urlOf(broker) });
  // Its server may be killed under it.
  client.on("error", () => {});
  await client.connect();
  onTestFinished(() => client.destroy());
  return {
    list: async (kind: string) =>
      ((await client.sendCommand(["PUBSUB", kind])) as unknown as string[]).sort(),
    ask: async (...args: string[]) => String(await client.sendCommand(args)),
  };
}
const urlOf = ({ port }: Broker) => `redis://127.0.0.1:${port}`;

async function startPair(options: RedisOptions) {
  const a = await startEngineNode("a@test", redis(options));
  const b = await startEngineNode("b@test", redis(options));
  await until(() => a.adapter.nodes().length + b.adapter.nodes().length === 2, "they know each other");
  return [a, b] as const;
}

describe.skipIf(server.missing)("the redis engine and its channels", () => {
  test.each([
    [undefined, "SHARDCHANNELS"],
    [true, "SHARDCHANNELS"],
    [false, "CHANNELS"],
  ])("with sharded: %s the server lists them as %s", async (sharded, kind) => {
    const broker = await owned(startRedis(server));
    const options = { url: urlOf(broker), announce: false };
    const node = await startEngineNode(
      "a@test",
      redis(sharded === undefined ? options : { ...options, sharded }),
    );
    await Promise.all(["room:1", "room 2"].map((topic) => node.adapter.subscribe(topic)));
    const client = await connect(broker);
    expect(await client.list(kind)).toEqual(["simurgh:t:room:1", "simurgh:t:room=00202"]);
    node.adapter.unsubscribe("room:1");
    await until(async () => (await client.list(kind)).length === 1, "one is left");
  });

  test("what is not permitted is logged and counted, and the rest works", async () => {
    const acl = "--user default on nopass resetchannels &simurgh:n* &simurgh:t:open* +@all -ping".split(" ");
    const broker = await owned(startRedis(server, acl));
    const [a, b] = await startPair({ url: urlOf(broker) });
    await Promise.all([b.adapter.subscribe("open")]);
    await b.adapter.subscribe("closed");
    a.say("closed", "hello");
    a.say("open", "hello");
    await until(() => b.texts("open").length > 0 && a.stat("refusals") > 0, "one is heard, one refused");
    expect([b.stat("refusals"), b.adapter.healthy, a.adapter.healthy]).toEqual([1, true, true]);
    const errors = b.lines.filter(({ level }) => level === "error");
    expect(errors.map(({ fields }) => fields)).toEqual([{ what: "subscribe simurgh:t:closed", refusals: 1 }]);
  });
});

describe.skipIf(server.missing)("the redis engine on a Redis Cluster", () => {
  const topics = Array.from({ length: 60 }, (_, i) => `room:${i}`);

  test("finds the shards by one of them, spreads the topics, and outlives the loss of a master", async () => {
    const brokers = await startRedisCluster(server, 3);
    const [first, ...others] = brokers;
    if (first === undefined) throw new Error("there are three");
    const [a, b] = await startPair({ url: urlOf(first) });
    await Promise.all(topics.map((topic) => b.adapter.subscribe(topic)));
    for (const topic of topics) a.say(topic, "one");
    await until(() => topics.every((topic) => b.texts(topic).includes("one")), "all topics are heard");
    for (const broker of brokers) {
      const client = await connect(broker);
      expect((await client.list("SHARDCHANNELS")).length).toBeGreaterThan(5);
    }
    await others[0]?.kill();
    await until(() => !a.adapter.healthy && !b.adapter.healthy, "both notice");
    await others[0]?.restart();
    await untilClusterIsUp(brokers);
    await until(() => a.adapter.healthy && b.adapter.healthy, "both are back", 20_000);
    for (const topic of topics) a.say(topic, "two");
    await until(
      () => topics.every((topic) => b.texts(topic).includes("two")),
      "all topics are heard again",
      20_000,
    );
    for (const topic of topics) expect(b.texts(topic)).toEqual(["one", "two"]);
  });

  test("follows slots that move to another master", async () => {
    const brokers = await startRedisCluster(server, 2);
    const [from, to] = brokers;
    if (from === undefined || to === undefined) throw new Error("there are two");
    const [a, b] = await startPair({ url: brokers.map(urlOf) });
    await Promise.all(topics.map((topic) => b.adapter.subscribe(topic)));
    const [source, target] = [await connect(from), await connect(to)];
    const [sourceId, targetId] = [await source.ask("CLUSTER", "MYID"), await target.ask("CLUSTER", "MYID")];
    const slots = topics.map((topic) => slotOf(`simurgh:t:${topic}`));
    expect(String(slots[7])).toBe(await source.ask("CLUSTER", "KEYSLOT", "simurgh:t:room:7"));
    for (const slot of slots.filter((one) => one < 8_192).map(String)) {
      // No keys are in it that would have to be moved, too.
      await target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", sourceId);
      await target.ask("CLUSTER", "SETSLOT", slot, "NODE", targetId);
      await source.ask("CLUSTER", "SETSLOT", slot, "NODE", targetId);
    }
    await until(() => {
      for (const topic of topics) a.say(topic, "moved");
      return topics.every((topic) => b.texts(topic).includes("moved"));
    }, "all topics are heard");
    expect(b.stat("links_lost")).toBeGreaterThan(0);
  });
});

describe.skipIf(server.missing || openssl.missing)("the redis engine with TLS", () => {
  const authority = new Authority(openssl.path);
  afterAll(() => authority.dispose());

  test("trusts whom it is told to trust, and shows its own certificate", async () => {
    const { cert, key } = authority.issue("IP:127.0.0.1");
    const files = { "cert.pem": cert, "key.pem": key, "ca.pem": authority.ca };
    const config = [
      "--tls-cert-file",
      "cert.pem",
      "--tls-key-file",
      "key.pem",
      "--tls-ca-cert-file",
      "ca.pem",
    ];
    const broker = await owned(startRedisTls(server, files, config));
    const url = `rediss://127.0.0.1:${broker.port}`;
    const own = authority.issue("DNS:a.test");
    const client = { socket: { tls: true as const, ca: authority.ca, ...own } };
    const a = await startEngineNode("a@test", redis({ url, client }));
    expect(a.adapter.healthy).toBe(true);
    const error: SimurghError = await startEngineNode("b@test", redis({ url })).catch((thrown) => thrown);
    expect(error.code).toBe("engine_refused");
  });
});

import { createClient } from "redis";
import { onTestFinished } from "vitest";
import { type Broker, startRedis } from "./brokers.js";
import { freePort } from "./http.js";
import type { Server } from "./servers.js";
import { until } from "./wait.js";

const slots = 16_384;

async function command(broker: Broker, args: string[]): Promise<unknown> {
  const client = await createClient({ url: `redis://127.0.0.1:${broker.port}` }).connect();
  try {
    return await client.sendCommand(args);
  } finally {
    client.destroy();
  }
}

/** Starts masters that share the slots evenly; they end with the test. */
export async function startRedisCluster(server: Server, size: number): Promise<Broker[]> {
  const members: { readonly broker: Broker; readonly busPort: number }[] = [];
  for (let i = 0; i < size; i++) {
    const busPort = await freePort();
    const config = [
      "--cluster-enabled",
      "yes",
      "--cluster-port",
      String(busPort),
      "--cluster-node-timeout",
      "1000",
    ];
    const broker = await startRedis(server, config);
    onTestFinished(() => broker.end());
    members.push({ broker, busPort });
  }
  const share = Math.ceil(slots / size);
  for (const [i, { broker }] of members.entries()) {
    const last = Math.min(slots, (i + 1) * share) - 1;
    await command(broker, ["CLUSTER", "ADDSLOTSRANGE", String(i * share), String(last)]);
    for (const other of members.slice(i + 1)) {
      await command(broker, [
        "CLUSTER",
        "MEET",
        "127.0.0.1",
        String(other.broker.port),
        String(other.busPort),
      ]);
    }
  }
  const brokers = members.map(({ broker }) => broker);
  await untilClusterIsUp(brokers);
  return brokers;
}

/** Waits until each member knows all others and the masters of all slots. */
export async function untilClusterIsUp(brokers: readonly Broker[]): Promise<void> {
  const isUp = async (broker: Broker) => {
    const info = String(await command(broker, ["CLUSTER", "INFO"]));
    return info.includes("cluster_state:ok") && info.includes(`cluster_size:${brokers.length}`);
  };
  await until(async () => (await Promise.all(brokers.map(isUp))).every(Boolean), "the cluster is up", 20_000);
}

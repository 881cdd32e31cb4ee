import { ErrorReply } from "redis";
import type { Address } from "../../../contracts/network.js";
import { SimurghError } from "../../../runtime/errors.js";
import type { RedisClient } from "./redis-client.js";
import { slotCount } from "./slots.js";

/** Servers that share the channels among them. */
export interface Shards {
  readonly masters: readonly Address[];
  /** The place in `masters` of each slot's master. */
  readonly bySlot: Uint16Array;
}

/** Whether the server has sharded channels, which came with Redis 7. */
export async function hasShardedChannels(client: RedisClient): Promise<boolean> {
  try {
    const reply: unknown = await client.sendCommand(["COMMAND", "INFO", "SPUBLISH"]);
    return Array.isArray(reply) && Array.isArray(reply[0]);
  } catch (error) {
    // A server that does not say what it can is taken for an old one.
    if (error instanceof ErrorReply) return false;
    throw error;
  }
}

/** The masters of the server's cluster; undefined when it belongs to none, or does not say. */
export async function findShards(client: RedisClient, seed: Address): Promise<Shards | undefined> {
  let slots: Awaited<ReturnType<RedisClient["clusterSlots"]>>;
  try {
    slots = await client.clusterSlots();
  } catch (error) {
    if (error instanceof ErrorReply) return undefined;
    throw error;
  }
  const places = new Map<string, number>();
  const masters: Address[] = [];
  const bySlot = new Uint16Array(slotCount);
  let covered = 0;
  for (const { from, to, master } of slots) {
    const named = String(master.host ?? "");
    // A server that does not know its own address leaves it out.
    const address = { host: named === "" || named === "?" ? seed.host : named, port: Number(master.port) };
    const key = `${address.host}:${address.port}`;
    const place = places.get(key) ?? masters.push(address) - 1;
    places.set(key, place);
    bySlot.fill(place, from, to + 1);
    covered += to - from + 1;
  }
  if (covered < slotCount) {
    throw new SimurghError("engine_unreachable", `the cluster serves ${covered} of ${slotCount} slots`);
  }
  return { masters, bySlot };
}

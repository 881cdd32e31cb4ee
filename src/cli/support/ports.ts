import { randomInt } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import type { Address } from "../../contracts/network.js";
import { SimurghError } from "../../runtime/errors.js";

/** Where the nodes of a fleet listen; the door alone is open to others. */
export const loopback = "127.0.0.1";

/** Where the ephemeral ports begin when the system does not say. */
const ephemeralFrom = 32_768;
const lowest = 10_240;
/** Fewer candidates than this are not worth it: the system may have moved its ephemeral ports on purpose. */
const candidatesMin = 1_024;
const triesMax = 200;

/** What came of an attempt to listen. */
export type Binding = "free" | "taken" | "not_permitted" | "no_such_address";

/** Whether this process could listen at an address now. */
export async function tryBind(address: Address): Promise<Binding> {
  const bound = await bind(address);
  if (typeof bound === "string") return bound;
  await close(bound);
  return "free";
}

/**
 * Chooses free ports of this machine, all different. They lie below the range that the system takes outgoing
 * connections' ports from: a node that comes back after a crash must find its port free, and the many dials to a dead
 * one must not take it by chance.
 */
export async function freePorts(count: number): Promise<number[]> {
  const end = await firstEphemeralPort();
  const held: Server[] = [];
  for (let tries = 0; held.length < count; tries++) {
    const port = end - lowest < candidatesMin || tries > triesMax ? 0 : randomInt(lowest, end);
    const bound = await bind({ host: loopback, port });
    if (typeof bound !== "string") held.push(bound);
    else if (port === 0) throw new SimurghError("fleet_start_failed", `no free port is left: ${bound}`);
  }
  const ports = held.map(portOf);
  await Promise.all(held.map(close));
  return ports;
}

async function firstEphemeralPort(): Promise<number> {
  // Only Linux has this file; elsewhere ephemeral ports begin higher than the default.
  const range = await readFile("/proc/sys/net/ipv4/ip_local_port_range", "utf8").catch(() => "");
  const first = Number.parseInt(range, 10);
  return Number.isNaN(first) ? ephemeralFrom : Math.min(first, ephemeralFrom);
}

function bind({ host, port }: Address): Promise<Server | Exclude<Binding, "free">> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(bindingOf(error)));
    server.listen({ host, port, exclusive: true }, () => resolve(server));
  });
}

function bindingOf({ code }: NodeJS.ErrnoException): Exclude<Binding, "free"> {
  if (code === "EADDRINUSE") return "taken";
  return code === "EACCES" || code === "EPERM" ? "not_permitted" : "no_such_address";
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

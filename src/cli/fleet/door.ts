import type { Balancer } from "../../contracts/balancer.js";
import type { Logger } from "../../contracts/logger.js";
import type { Address } from "../../contracts/network.js";
import { embeddedBalancer } from "../../edges/balancer/embedded/embedded-balancer.js";
import { findHaproxy } from "../../edges/balancer/haproxy/binary.js";
import { haproxyBalancer } from "../../edges/balancer/haproxy/haproxy-balancer.js";
import { SimurghError } from "../../runtime/errors.js";
import { tryBind } from "../support/ports.js";

/** Which balancer stands at the door; `auto` is HAProxy where there is one. */
export const balancerChoices = ["auto", "embedded", "haproxy"] as const;

/** One of {@link balancerChoices}. */
export type BalancerChoice = (typeof balancerChoices)[number];

/** What a door is made of. */
export interface DoorOptions {
  readonly choice: BalancerChoice;
  readonly addresses: readonly Address[];
  readonly connectionsMax: number;
  /** A private folder of this fleet. */
  readonly folder: string;
  readonly logger: Logger;
}

/** A balancer, and why it is this one. */
export interface ChosenBalancer {
  readonly balancer: Balancer;
  readonly why: string;
}

/** Makes the balancer. Rejects with `balancer_start_failed` when HAProxy is asked for and there is none. */
export async function chooseBalancer(options: DoorOptions): Promise<ChosenBalancer> {
  const { choice, addresses, connectionsMax, folder, logger } = options;
  const bounds = { door: addresses, connectionsMax, serverConnectionsMax: connectionsMax, logger };
  if (choice === "embedded") return { balancer: embeddedBalancer(bounds), why: "as asked" };
  const found = await findHaproxy(process.env.PATH ?? "");
  if (typeof found !== "string") {
    const balancer = haproxyBalancer({ ...bounds, binary: found.path, folder });
    return { balancer, why: `version ${found.version} at ${found.path}` };
  }
  if (choice === "haproxy") throw new SimurghError("balancer_start_failed", found);
  return { balancer: embeddedBalancer(bounds), why: found };
}

/**
 * The addresses of a door, each free now. `localhost` is this machine by both families of addresses, since clients
 * differ in which they try. Rejects with `fleet_door_taken`.
 */
export async function doorAddresses(host: string, port: number): Promise<Address[]> {
  const hosts = host === "localhost" ? ["127.0.0.1", "::1"] : [host];
  const addresses: Address[] = [];
  for (const candidate of hosts) {
    const address = { host: candidate, port };
    const binding = await tryBind(address);
    if (binding === "free") addresses.push(address);
    else if (binding !== "no_such_address") throw taken(address, binding);
  }
  if (addresses.length > 0) return addresses;
  throw new SimurghError("fleet_door_taken", `${host} is no address of this machine`);
}

/** The addresses that stand for all addresses, and one by which this machine reaches itself there. */
const anyAddress = new Map([
  ["0.0.0.0", "127.0.0.1"],
  ["::", "::1"],
]);

/** An address at which this machine reaches the door. */
export function reachable({ host, port }: Address): Address {
  return { host: anyAddress.get(host) ?? host, port };
}

/** What to type into a browser of this machine. */
export function doorUrl(host: string, port: number): string {
  const name = anyAddress.has(host) ? "localhost" : host;
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
}

function taken({ host, port }: Address, binding: "taken" | "not_permitted"): SimurghError {
  const what = `port ${port} on ${host}`;
  const reason = binding === "taken" ? "is taken by another program" : "may not be used by this user";
  return new SimurghError("fleet_door_taken", `${what} ${reason}; choose another one with --port`);
}

import type { Address } from "../../../contracts/network.js";
import { SimurghError } from "../../../runtime/errors.js";

/** A node to dial: where, and under which names it may answer. */
export interface PeerAddress {
  readonly address: Address;
  /**
   * Empty: whoever answers. `n1@10.0.0.1:7000` may mean the node `n1` at that host, or, as Erlang names nodes, the
   * node `n1@10.0.0.1`; both are accepted.
   */
  readonly names: readonly string[];
}

/** `host:port`, with brackets around an IPv6 host. The key by which peers are told apart. */
export function formatAddress(address: Address): string {
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}

/** Reads `name@host:port`, `host:port` or `[ipv6]:port`. Throws `mesh_config_invalid` for anything else. */
export function parsePeer(text: string): PeerAddress {
  const at = text.lastIndexOf("@");
  const name = at < 0 ? "" : text.slice(0, at);
  const match = /^(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([^\s:[\]@]+)):(\d{1,5})$/.exec(text.slice(at + 1));
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || (at >= 0 && name === "") || port < 1 || port > 65_535) {
    throw new SimurghError(
      "mesh_config_invalid",
      `a peer must be name@host:port or host:port, not "${text}"`,
    );
  }
  return { address: { host, port }, names: name === "" ? [] : [name, `${name}@${host}`] };
}

import type { Address } from "../../../contracts/network.js";
import { formatHostPort, parsePeerText } from "../../../core/cluster/peer-text.js";
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
  return formatHostPort(address);
}

/** What a node of this name at this address is dialled as. */
export function peerAddress(address: Address, name: string | undefined): PeerAddress {
  return { address, names: name === undefined ? [] : [name, `${name}@${address.host}`] };
}

/** Reads `name@host:port`, `host:port` or `[ipv6]:port`. Throws `mesh_config_invalid` for anything else. */
export function parsePeer(text: string): PeerAddress {
  const parsed = parsePeerText(text);
  if (parsed === undefined) {
    throw new SimurghError(
      "mesh_config_invalid",
      `a peer must be name@host:port or host:port, not "${text}"`,
    );
  }
  return peerAddress({ host: parsed.host, port: parsed.port }, parsed.name);
}

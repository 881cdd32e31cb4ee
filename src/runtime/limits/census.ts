import { clientAddress, countedAs, type IpRange, parseRange } from "../../core/limits/address.js";
import { invalid } from "../configure.js";
import type { Handshake } from "../connect-request.js";
import type { HttpAnswer } from "../http-answer.js";
import type { LimitReports } from "./limit-reports.js";
import type { NodeLimits } from "./node-limits.js";

/** Seconds after which a client that is one too many may try again; others go only when they want. */
const RETRY_AFTER_S = 30;

const TOO_MANY: HttpAnswer = { status: 429, headers: { "retry-after": String(RETRY_AFTER_S) } };

/** Compiles the proxies whose word is taken. Undefined: nobody has said who they are. */
export function compileProxies(ranges: readonly string[] | undefined): readonly IpRange[] | undefined {
  return ranges?.map((text) => {
    const range = parseRange(text);
    if (range === undefined)
      throw invalid(`trustedProxies: ${JSON.stringify(text)} is no address and no range`);
    return range;
  });
}

/** All sockets of one user, or of one address. */
interface Party {
  readonly key: string;
  readonly all: Map<string, Party>;
  count: number;
}

/** What a socket is counted under; to be given back, once, when it ends. */
export type Seat = readonly Party[];

const NOBODY: Seat = [];

/** Counts the sockets of each user, and of each address, on this node. */
export class Census {
  readonly #limits: NodeLimits;
  readonly #reports: LimitReports;
  readonly #proxies: readonly IpRange[] | undefined;
  readonly #users = new Map<string, Party>();
  readonly #addresses = new Map<string, Party>();

  /**
   * Without `proxies` addresses are not counted, and not even looked at: what stands before the node may be a
   * balancer, whose address would be that of everybody.
   */
  constructor(limits: NodeLimits, reports: LimitReports, proxies: readonly IpRange[] | undefined) {
    this.#limits = limits;
    this.#reports = reports;
    this.#proxies = proxies;
  }

  /** The answer to a handshake from an address that has too many sockets already. */
  refuseAddress(handshake: Handshake): HttpAnswer | undefined {
    const key = this.addressOf(handshake);
    if (key === undefined || this.#hasRoom(this.#addresses, key, this.#limits.socketsPerAddressMax))
      return undefined;
    this.#reports.exceeded("refused_address_sockets_total", "socketsPerAddressMax", { address: key });
    return TOO_MANY;
  }

  /** The answer to a user who has too many sockets already. */
  refuseUser(key: string | undefined): HttpAnswer | undefined {
    if (key === undefined || this.#hasRoom(this.#users, key, this.#limits.socketsPerUserMax))
      return undefined;
    this.#reports.exceeded("refused_user_sockets_total", "socketsPerUserMax", { user: key });
    return TOO_MANY;
  }

  /** The address that a handshake is counted under; undefined where addresses are not counted. */
  addressOf(handshake: Handshake): string | undefined {
    if (this.#proxies === undefined) return undefined;
    const { peer, headers } = handshake;
    const named = headers["x-forwarded-for"];
    const text = typeof named === "object" ? named.join(",") : named;
    const address = clientAddress(peer.address, text, this.#proxies);
    return address && countedAs(address);
  }

  /** Counts a socket that opens. Undefined: meanwhile others have taken the last place. */
  enter(user: string | undefined, address: string | undefined): Seat | undefined {
    const { socketsPerUserMax, socketsPerAddressMax } = this.#limits;
    const userFits = user === undefined || this.#hasRoom(this.#users, user, socketsPerUserMax);
    const fits = address === undefined || this.#hasRoom(this.#addresses, address, socketsPerAddressMax);
    if (!userFits || !fits) return undefined;
    if (user === undefined && address === undefined) return NOBODY;
    const seat: Party[] = [];
    if (user !== undefined) seat.push(join(this.#users, user));
    if (address !== undefined) seat.push(join(this.#addresses, address));
    return seat;
  }

  /** Gives a seat back. */
  leave(seat: Seat): void {
    for (const party of seat) {
      party.count--;
      if (party.count === 0) party.all.delete(party.key);
    }
  }

  #hasRoom(all: ReadonlyMap<string, Party>, key: string, max: number): boolean {
    return (all.get(key)?.count ?? 0) < max;
  }
}

function join(all: Map<string, Party>, key: string): Party {
  let party = all.get(key);
  if (party === undefined) {
    party = { key, all, count: 0 };
    all.set(key, party);
  }
  party.count++;
  return party;
}

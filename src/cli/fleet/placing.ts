import type { Balancer, BalancerServer } from "../../contracts/balancer.js";
import { loopback } from "../support/ports.js";
import { pause } from "../support/within.js";

/** The share of each node in new connections: all alike, with room to both sides. */
const weight = 100;
const retryMs = 1_000;

/** The nodes as the balancer is to know them; what it does not take is tried again until it does. */
export class Placing {
  readonly #balancer: Balancer;
  readonly #err: (line: string) => void;
  readonly #wished = new Map<string, BalancerServer>();
  readonly #placed = new Map<string, BalancerServer>();
  readonly #following = new Map<string, Promise<void>>();
  #begun = false;
  #ended = false;

  constructor(balancer: Balancer, err: (line: string) => void) {
    this.#balancer = balancer;
    this.#err = err;
  }

  /** Starts the balancer with the nodes that there are. */
  async begin(): Promise<void> {
    const servers = [...this.#wished.values()];
    await this.#balancer.start(servers);
    for (const server of servers) this.#placed.set(server.name, server);
    this.#begun = true;
    // Nodes may have moved while the balancer was starting.
    for (const name of this.#wished.keys()) void this.#follow(name);
  }

  /** A node is ready at this port. */
  put(name: string, port: number): void {
    this.#wished.set(name, { name, address: { host: loopback, port }, weight });
    void this.#follow(name);
  }

  /** A node is to be given no new connection, or is again; what it holds stays. */
  welcome(name: string, isWelcome: boolean): void {
    const server = this.#wished.get(name);
    if (server === undefined) return;
    this.#wished.set(name, { ...server, weight: isWelcome ? weight : 0 });
    void this.#follow(name);
  }

  /** A node is gone for good. */
  take(name: string): Promise<void> {
    this.#wished.delete(name);
    return this.#follow(name);
  }

  /** Stops the balancer. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.#balancer.stop();
  }

  /** Resolves when the balancer knows the node as it is to, or all has ended. */
  #follow(name: string): Promise<void> {
    const following = this.#following.get(name) ?? this.#converge(name);
    if (!this.#isDone(name)) this.#following.set(name, following);
    return following;
  }

  #isDone(name: string): boolean {
    return this.#ended || !this.#begun || same(this.#wished.get(name), this.#placed.get(name));
  }

  async #converge(name: string): Promise<void> {
    while (!this.#isDone(name)) {
      try {
        await this.#step(name);
      } catch (error) {
        if (this.#ended) return;
        this.#err(`${name} the balancer does not follow: ${String(error)}`);
        await pause(retryMs);
      }
    }
    this.#following.delete(name);
  }

  async #step(name: string): Promise<void> {
    const wish = this.#wished.get(name);
    if (wish === undefined) {
      await this.#balancer.remove(name);
      this.#placed.delete(name);
      return;
    }
    if (this.#placed.has(name)) await this.#balancer.update(wish);
    else await this.#balancer.add(wish);
    this.#placed.set(name, wish);
  }
}

function same(one: BalancerServer | undefined, other: BalancerServer | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one.weight === other.weight && one.address.port === other.address.port;
}

import type { Prng } from "../../core/shared/prng.js";
import type { Cluster } from "./cluster.js";
import type { Ledger } from "./ledger.js";
import type { Life } from "./life.js";

/** Subscriptions on one node at a time; beyond, some are given up. */
const subscribersMax = 24;

/** Messages mostly fit a packet; some fill a block, some more than one. */
function drawSize(chance: Prng): number {
  const draw = chance.fraction();
  if (draw < 0.9) return chance.between(0, 120);
  return draw < 0.98 ? chance.between(1_000, 9_000) : chance.between(20_000, 90_000);
}

/** What the users do. */
export class Workload {
  readonly #cluster: Cluster;
  readonly #ledger: Ledger;
  readonly #chance: Prng;
  readonly #topics: readonly string[];

  constructor(cluster: Cluster, ledger: Ledger, chance: Prng, topics: number) {
    this.#cluster = cluster;
    this.#ledger = ledger;
    this.#chance = chance;
    this.#topics = Array.from({ length: topics }, (_, index) => `room:${index}`);
  }

  /** One deed of one user on some node that runs. */
  deed(): void {
    const chance = this.#chance;
    const life = chance.pick(this.#cluster.running().filter(({ process }) => !process.frozen));
    if (life === undefined) return;
    const draw = chance.fraction();
    if (draw < 0.55) this.#publish(life);
    else if (draw < 0.6) for (let i = chance.between(2, 30); i > 0; i--) this.#publish(life);
    else if (draw < 0.82) this.#subscribe(life);
    else this.#unsubscribe(life);
  }

  /** Somebody listens to every topic on every node. Resolves when others have heard of it. */
  async settle(): Promise<void> {
    const waits = this.#cluster
      .running()
      .flatMap((life) => this.#topics.map((topic) => this.#ledger.subscribe(life, topic)));
    await Promise.all(waits);
  }

  /** Every node publishes on every topic. Returns how many subscribers on other nodes must hear of it. */
  round(): number {
    const running = this.#cluster.running();
    let arrivals = 0;
    for (const from of running) {
      for (const topic of this.#topics) this.#ledger.publish(from, topic, drawSize(this.#chance));
      for (const to of running) if (to !== from) arrivals += to.subscribers.size;
    }
    return arrivals;
  }

  #publish(life: Life): void {
    const topic = this.#chance.pick(this.#topics) ?? "";
    const leaveOut = this.#chance.chance(0.2) ? this.#chance.pick([...life.subscribers]) : undefined;
    this.#ledger.publish(
      life,
      topic,
      drawSize(this.#chance),
      leaveOut?.topic === topic ? leaveOut : undefined,
    );
  }

  #subscribe(life: Life): void {
    if (life.subscribers.size + life.joining >= subscribersMax) return this.#unsubscribe(life);
    const topic = this.#chance.pick(this.#topics) ?? "";
    void this.#ledger.subscribe(life, topic);
  }

  #unsubscribe(life: Life): void {
    const subscriber = this.#chance.pick([...life.subscribers]);
    if (subscriber !== undefined) this.#ledger.unsubscribe(subscriber);
  }
}

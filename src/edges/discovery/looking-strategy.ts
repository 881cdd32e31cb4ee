import type { DiscoveryHost, DiscoveryStrategy } from "../../contracts/discovery.js";

/** One start of a strategy. */
export interface LookingLife {
  start(): void;
  stop(): void;
}

/** A strategy that looks again and again: each start begins a life, which ends with the stop. */
export class LookingStrategy implements DiscoveryStrategy {
  readonly kind: string;
  readonly #counters: Readonly<Record<string, number>>;
  readonly #begin: (host: DiscoveryHost) => LookingLife | Promise<LookingLife>;
  #life: LookingLife | undefined;
  #starts = 0;

  /** `counters` outlive each start; `begin` makes a life that does nothing before its own start. */
  constructor(
    kind: string,
    counters: Readonly<Record<string, number>>,
    begin: (host: DiscoveryHost) => LookingLife | Promise<LookingLife>,
  ) {
    this.kind = kind;
    this.#counters = counters;
    this.#begin = begin;
  }

  async start(host: DiscoveryHost): Promise<void> {
    this.#starts += 1;
    const start = this.#starts;
    const life = await this.#begin(host);
    // It may have been stopped meanwhile.
    if (start !== this.#starts) return;
    this.#life = life;
    life.start();
  }

  async stop(): Promise<void> {
    this.#starts += 1;
    this.#life?.stop();
    this.#life = undefined;
  }

  stats(): Readonly<Record<string, number>> {
    return this.#counters;
  }
}

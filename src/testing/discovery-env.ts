import type { Clock } from "../contracts/clock.js";
import type { DiscoveryStrategy, Sighting } from "../contracts/discovery.js";
import type { Logger } from "../contracts/logger.js";
import type { Random } from "../contracts/random.js";
import { formatHostPort } from "../core/cluster/peer-text.js";
import { check } from "./contract-case.js";

/**
 * changes: what there is to see can change. failures: a look can fail. garbage: what is looked at can be nonsense.
 */
export type DiscoveryCapability = "changes" | "failures" | "garbage";

/** A kind of strategy, as the suite needs it. */
export interface DiscoveryUnderTest {
  readonly kind: string;
  /** Capabilities that the kind has not, each with the reason. */
  readonly missing: Partial<Record<DiscoveryCapability, string>>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Prepares a world that shares nothing with any other. Looks in it are to be frequent. */
  createWorld(): Promise<DiscoveryWorld>;
}

/** What one strategy looks at. */
export interface DiscoveryWorld {
  readonly strategy: DiscoveryStrategy;
  /** Three addresses (`host:port`) at least that the world can show. A world that cannot change shows all from the start. */
  readonly addresses: readonly string[];
  /** From now on these are there, and the world works. */
  show(addresses: readonly string[]): Promise<void>;
  /** From now on every look fails, until `show`. */
  fail(): Promise<void>;
  /** From now on there is nonsense to see, until `show`. */
  garble(): Promise<void>;
  dispose(): Promise<void>;
}

/** What a case works with. */
export interface DiscoveryEnv extends DiscoveryWorld {
  readonly under: DiscoveryUnderTest;
  /** Everything that was reported, in order: views as sorted `host:port`, own address left out, or a reason. */
  readonly reports: readonly (readonly string[] | string)[];
  /** The views among them. */
  readonly views: readonly (readonly string[])[];
  start(): Promise<void>;
  /** Waits for a condition; a breach that names `what` when it does not come true in time. */
  until(condition: () => boolean, what: string): Promise<void>;
  /** Waits until the last view is this. */
  untilSeen(addresses: readonly string[]): Promise<void>;
  /** Lets so much time pass that a strategy which looks at all has looked. */
  letLook(): Promise<void>;
}

const untilTimeoutMs = 10_000;
const pollMs = 2;
const lookMs = 300;

/** The environment of one run of one case. Dispose of it afterwards. */
export async function createDiscoveryEnv(under: DiscoveryUnderTest): Promise<DiscoveryEnv> {
  const { clock, random, logger } = under;
  const world = await under.createWorld();
  const own = { host: "127.0.0.1", port: 7 };
  const reports: (readonly string[] | string)[] = [];
  const pause = (delayMs: number) => new Promise<void>((resolve) => void clock.after(delayMs, resolve));

  const keysOf = (sightings: readonly Sighting[]) => {
    const keys = sightings.map(({ address }) => formatHostPort(address));
    check(new Set(keys).size === keys.length, `a view holds an address twice: ${keys.join(" ")}`);
    const isDialable = ({ address }: Sighting) =>
      address.port >= 1 && address.port <= 65_535 && address.host !== "";
    check(sightings.every(isDialable), `a view holds what cannot be dialled: ${keys.join(" ")}`);
    return keys.filter((key) => key !== formatHostPort(own)).toSorted();
  };
  const untilOf = async (condition: () => boolean, what: string) => {
    const deadlineMs = clock.monotonic() + untilTimeoutMs;
    while (!condition()) {
      check(
        clock.monotonic() < deadlineMs,
        `waited in vain: ${what}; reported ${JSON.stringify(reports.at(-1))}`,
      );
      await pause(pollMs);
    }
  };
  let breach: unknown;
  const views = () => reports.filter((report) => typeof report !== "string");

  return {
    ...world,
    under,
    reports,
    get views() {
      if (breach !== undefined) throw breach;
      return views();
    },
    start: () =>
      world.strategy.start({
        nodeName: "me@contract",
        address: own,
        secrets: ["the secret of the contract"],
        clock,
        random,
        logger,
        view: (sightings) => {
          try {
            reports.push(keysOf(sightings));
          } catch (error) {
            breach ??= error;
          }
        },
        failed: (reason) => void reports.push(reason),
      }),
    until: untilOf,
    untilSeen: async (addresses) => {
      const wanted = JSON.stringify(addresses.toSorted());
      const seen = () => {
        if (breach !== undefined) throw breach;
        return JSON.stringify(views().at(-1)) === wanted;
      };
      await untilOf(seen, `the view is ${wanted}`);
    },
    letLook: () => pause(lookMs),
    dispose: async () => {
      await world.strategy.stop();
      await world.dispose();
    },
  };
}

import type { DiscoveryHost, DiscoveryStrategy, Sighting } from "../../src/contracts/discovery.js";
import { parsePeerText } from "../../src/core/cluster/peer-text.js";
import type { DiscoveryUnderTest } from "../../src/testing/index.js";
import { systemParts } from "./pubsub-engines.js";

/** What a strategy of a test does wrong. */
export type DiscoveryFault =
  | "takes a failure for nobody"
  | "speaks after its stop"
  | "waits for the first answer"
  | "repeats an address"
  | "gives a port that cannot be dialled"
  | "looks once only"
  | "chokes on a second stop"
  | "starts only once"
  | "believes nonsense"
  | "has an odd name";

/** What a scripted strategy finds: addresses, an error, or nonsense. */
export type Found = readonly string[] | Error | "nonsense";

/** Reads `name@host:port`. */
export function sighting(text: string, life?: string): Sighting {
  const parsed = parsePeerText(text);
  if (parsed === undefined) throw new Error(`"${text}" is no peer`);
  const { host, port, name } = parsed;
  return { address: { host, port }, name, life };
}

const lookMs = 10;

/** A strategy that finds what a test tells it to, and may be told to do so badly. */
export class FakeDiscovery implements DiscoveryStrategy {
  readonly kind: string;
  readonly #fault: DiscoveryFault | undefined;
  found: Found = [];
  host: DiscoveryHost | undefined;
  #starts = 0;
  #cancel = () => {};

  constructor(fault?: DiscoveryFault) {
    this.#fault = fault;
    this.kind = fault === "has an odd name" ? "Fake-1" : "fake";
  }

  async start(host: DiscoveryHost): Promise<void> {
    this.#starts += 1;
    if (this.#fault === "starts only once" && this.#starts > 1) return;
    if (this.#fault === "waits for the first answer" && this.found instanceof Error)
      await new Promise(() => {});
    this.host = host;
    this.#look(host);
    if (this.#fault !== "looks once only") this.#cancel = host.clock.every(lookMs, () => this.#look(host));
  }

  async stop(): Promise<void> {
    if (this.#fault === "chokes on a second stop" && this.#starts > 0 && this.host === undefined) {
      throw new Error("stopped already");
    }
    if (this.#fault !== "speaks after its stop") this.#cancel();
    this.host = undefined;
  }

  stats() {
    return { starts: this.#starts };
  }

  #look(host: DiscoveryHost): void {
    if (this.found === "nonsense") {
      if (this.#fault === "believes nonsense") host.view([]);
      else host.failed("nonsense");
    } else if (this.found instanceof Error) {
      if (this.#fault === "takes a failure for nobody") host.view([]);
      else host.failed(this.found.message);
    } else host.view(this.#worsened(this.found.map((text) => sighting(text))));
  }

  #worsened(sightings: Sighting[]): Sighting[] {
    if (this.#fault === "repeats an address") return [...sightings, ...sightings];
    if (this.#fault !== "gives a port that cannot be dialled") return sightings;
    return sightings.map(({ address }) => ({ address: { ...address, port: 0 } }));
  }
}

/** The scripted strategy under the contract. */
export function fakeDiscoveryUnderTest(fault?: DiscoveryFault): DiscoveryUnderTest {
  return {
    ...systemParts,
    kind: "fake",
    missing: {},
    createWorld: async () => {
      const strategy = new FakeDiscovery(fault);
      const set = (found: Found) => async () => {
        strategy.found = found;
      };
      return {
        strategy,
        addresses: ["10.0.0.1:7000", "10.0.0.2:7000", "10.0.0.3:7000"],
        show: (addresses) => set(addresses)(),
        fail: set(new Error("it does not work")),
        garble: set("nonsense"),
        dispose: async () => {
          strategy.host = undefined;
          await Promise.resolve();
        },
      };
    },
  };
}

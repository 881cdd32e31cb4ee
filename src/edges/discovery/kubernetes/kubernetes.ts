import type { DiscoveryHost, DiscoveryStrategy, Sighting } from "../../../contracts/discovery.js";
import { readServiceAccount, type ServiceAccount } from "../../../runtime/kubernetes/service-account.js";
import { type Look, LookLoop } from "../look-loop.js";
import { LookingStrategy } from "../looking-strategy.js";
import { QuietLog } from "../quiet-log.js";
import { withoutRepeats } from "../static-hosts.js";
import { list } from "./list.js";
import {
  type KubernetesOptions,
  type KubernetesSettings,
  resolveKubernetes,
  serverOfPod,
} from "./options.js";
import { readPod, readSlice } from "./read-objects.js";

/** One start of the asking. */
class KubernetesLife {
  readonly #settings: KubernetesSettings;
  readonly #server: string;
  readonly #counters: Record<string, number>;
  readonly #log: QuietLog;
  readonly #loop: LookLoop;

  constructor(
    settings: KubernetesSettings,
    server: string,
    host: DiscoveryHost,
    counters: Record<string, number>,
  ) {
    this.#settings = settings;
    this.#server = server;
    this.#counters = counters;
    this.#log = new QuietLog(host.clock, host.logger, settings.timing.logRepeatMs);
    this.#loop = new LookLoop(host, settings.timing, (signal) => this.#look(signal));
  }

  start(): void {
    this.#loop.hurry();
  }

  stop(): void {
    this.#loop.stop();
  }

  async #look(signal: AbortSignal): Promise<Look> {
    this.#count("looks");
    let account: ServiceAccount;
    try {
      account = await readServiceAccount(this.#settings.serviceAccount, this.#settings.namespace);
    } catch (error) {
      this.#count("accounts_unreadable");
      return { failure: error instanceof Error ? error.message : String(error) };
    }
    const listed = await list(this.#server, this.#settings, account, signal);
    if ("items" in listed) return this.#read(listed.items, account);
    this.#count("lists_failed");
    const { retryAfterMsMax } = this.#settings.timing;
    return { failure: listed.failure, afterMs: Math.min(listed.afterMs ?? 0, retryAfterMsMax) };
  }

  #read(items: readonly unknown[], { namespace }: ServiceAccount): Look {
    const { resource, selector, port } = this.#settings;
    const read = resource === "pods" ? readPod : readSlice;
    const sightings: Sighting[] = [];
    let [unreadable, portless] = [0, 0];
    for (const item of items) {
      const found = read(item, this.#settings);
      if (found === undefined) {
        unreadable += 1;
        continue;
      }
      sightings.push(...found.sightings);
      portless += found.left.portless;
      this.#count("seen_terminating", found.left.terminating);
      this.#count("seen_unready", found.left.unready);
    }
    if (items.length === 0) {
      this.#count("lists_empty");
      const fields = { resource, namespace, selector };
      this.#log.warn("empty", "nothing in Kubernetes matches, so there is nobody to see", fields);
    }
    if (unreadable > 0) {
      this.#count("objects_refused", unreadable);
      if (sightings.length === 0) return { failure: `none of the ${unreadable} ${resource} can be read` };
      this.#log.warn("unreadable", "objects of Kubernetes cannot be read", { resource, objects: unreadable });
    }
    if (portless > 0) {
      this.#count("nodes_without_port", portless);
      const reason = `there is no port "${port}" in ${resource} of ${selector}`;
      if (sightings.length === 0) return { failure: reason };
      this.#log.warn("portless", "nodes in Kubernetes have no such port", { reason, nodes: portless });
    }
    return { sightings: withoutRepeats(sightings) };
  }

  #count(name: string, by = 1): void {
    this.#counters[name] = (this.#counters[name] ?? 0) + by;
  }
}

/**
 * Asks the API of Kubernetes for the endpoints of a service, or for EndpointSlices or pods by their labels, again and
 * again. Who is on its way out is not seen. Throws `discovery_config_invalid`.
 */
export function kubernetes(options: KubernetesOptions): DiscoveryStrategy {
  const settings = resolveKubernetes(options);
  const counters = {
    looks: 0,
    accounts_unreadable: 0,
    lists_failed: 0,
    lists_empty: 0,
    objects_refused: 0,
    nodes_without_port: 0,
    seen_terminating: 0,
    seen_unready: 0,
  };
  return new LookingStrategy("kubernetes", counters, (host) => {
    const server = settings.server ?? serverOfPod(process.env);
    return new KubernetesLife(settings, server, host, counters);
  });
}

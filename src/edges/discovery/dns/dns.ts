import type { SrvRecord } from "node:dns";
import type { DiscoveryHost, DiscoveryStrategy, Sighting } from "../../../contracts/discovery.js";
import { type Look, LookLoop } from "../look-loop.js";
import { LookingStrategy } from "../looking-strategy.js";
import { QuietLog } from "../quiet-log.js";
import { withoutRepeats } from "../static-hosts.js";
import { type DnsOptions, type DnsSettings, resolveDns } from "./options.js";
import { type Answer, type Family, Questions } from "./questions.js";

/** What was last answered about a name, by family: a family that fails keeps what it had. */
type Remembered = Map<string, readonly string[]>;

/** What was found, and what could not be asked. `answered`: at least one question was. */
interface Found {
  readonly sightings: Sighting[];
  readonly failures: string[];
  answered: boolean;
}

/** One start of the asking. */
class DnsLife {
  readonly #settings: DnsSettings;
  readonly #counters: Record<string, number>;
  readonly #log: QuietLog;
  readonly #loop: LookLoop;
  #remembered: Remembered = new Map();

  constructor(settings: DnsSettings, host: DiscoveryHost, counters: Record<string, number>) {
    this.#settings = settings;
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
    const { name, port } = this.#settings;
    this.#count("looks");
    const questions = new Questions(this.#settings, signal);
    const remembered: Remembered = new Map();
    const found =
      port === undefined
        ? await this.#findServices(questions, remembered)
        : await this.#findAddresses(questions, remembered, name, port);
    if (signal.aborted) return { failure: "cut off" };
    this.#remembered = remembered;
    const { sightings, failures, answered } = found;
    // What failed keeps whom it had; but who has nobody to show for a failure has not looked.
    if (!answered || (failures.length > 0 && sightings.length === 0)) return { failure: failures.join("; ") };
    for (const reason of failures) {
      this.#log.warn(reason, "a part of the DNS does not answer; whom it had shown stays", { reason });
    }
    return { sightings: withoutRepeats(sightings) };
  }

  /** Every address of a name, at that port. */
  async #findAddresses(
    questions: Questions,
    remembered: Remembered,
    name: string,
    port: number,
  ): Promise<Found> {
    const found: Found = { sightings: [], failures: [], answered: false };
    const answers = await Promise.all(
      this.#settings.families.map(
        async (family): Promise<[Family, Answer<string>]> => [
          family,
          await questions.addresses(name, family),
        ],
      ),
    );
    for (const [family, answer] of answers) {
      const key = `${family} ${name}`;
      const hosts = "failure" in answer ? (this.#remembered.get(key) ?? []) : this.#bounded(answer.records);
      if ("failure" in answer)
        found.failures.push(this.#onFailure(name, family === 4 ? "A" : "AAAA", answer));
      else found.answered = true;
      remembered.set(key, hosts);
      for (const host of hosts) found.sightings.push({ address: { host, port } });
    }
    if (answers.every(([, answer]) => "missing" in answer && answer.missing)) this.#onMissing(name);
    return found;
  }

  /** The addresses of every target of the service, each at its own port. */
  async #findServices(questions: Questions, remembered: Remembered): Promise<Found> {
    const { name, limits } = this.#settings;
    const found: Found = { sightings: [], failures: [], answered: true };
    const answer = await questions.services(name);
    if ("failure" in answer) {
      // Nothing was asked about the targets, so what is known of them stays.
      for (const [key, hosts] of this.#remembered) remembered.set(key, hosts);
      return { sightings: [], failures: [this.#onFailure(name, "SRV", answer)], answered: false };
    }
    if (answer.missing) this.#onMissing(name);
    const targets = this.#bounded(answer.records.filter((record) => this.#isTarget(record)));
    for (let i = 0; i < targets.length; i += limits.queriesMax) {
      const parts = targets
        .slice(i, i + limits.queriesMax)
        .map((target) => this.#findAddresses(questions, remembered, target.name, target.port));
      for (const { sightings, failures } of await Promise.all(parts)) {
        found.sightings.push(...sightings);
        found.failures.push(...failures);
      }
    }
    return found;
  }

  /** A target of `.` says that there is no such service; a port of 0 cannot be dialled. */
  #isTarget({ name, port }: SrvRecord): boolean {
    if (name !== "" && name !== "." && port > 0) return true;
    this.#count("records_refused");
    return false;
  }

  #bounded<T>(records: readonly T[]): readonly T[] {
    const { recordsMax } = this.#settings.limits;
    if (records.length <= recordsMax) return records;
    this.#count("records_over_limit", records.length - recordsMax);
    this.#log.warn("full", "an answer of the DNS has more records than the limit", {
      records: records.length,
      recordsMax,
    });
    return records.slice(0, recordsMax);
  }

  #onFailure(name: string, kind: string, { failure, code }: { failure: string; code: string }): string {
    this.#count("queries_failed");
    if (code === "ETIMEOUT") this.#count("queries_timed_out");
    return `${kind} records of ${name}: ${failure}`;
  }

  #onMissing(name: string): void {
    this.#count("names_missing");
    this.#log.warn(`missing ${name}`, "the DNS has no such name, so there is nobody to see", { name });
  }

  #count(name: string, by = 1): void {
    this.#counters[name] = (this.#counters[name] ?? 0) + by;
  }
}

/**
 * Asks the DNS for the addresses of a name, or for its SRV records, again and again. No such name, and a name without
 * records, is an empty answer; all else that is no answer is a failed look. Throws `discovery_config_invalid`.
 */
export function dns(options: DnsOptions): DiscoveryStrategy {
  const settings = resolveDns(options);
  const counters = {
    looks: 0,
    queries_failed: 0,
    queries_timed_out: 0,
    names_missing: 0,
    records_refused: 0,
    records_over_limit: 0,
  };
  return new LookingStrategy("dns", counters, (host) => new DnsLife(settings, host, counters));
}

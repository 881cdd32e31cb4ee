import { dirname } from "node:path";
import type { Cancel } from "../../../contracts/clock.js";
import type { DiscoveryHost, DiscoveryStrategy } from "../../../contracts/discovery.js";
import { type Look, LookLoop } from "../look-loop.js";
import { LookingStrategy } from "../looking-strategy.js";
import { QuietLog } from "../quiet-log.js";
import { withoutRepeats } from "../static-hosts.js";
import { FolderWatch } from "./folder-watch.js";
import { type FileOptions, type FileSettings, resolveFile } from "./options.js";
import { type ParseText, parserOf, readList } from "./parse-list.js";
import { type Reading, readText } from "./read-text.js";

/** One start of the reading. */
class FileLife {
  readonly #settings: FileSettings;
  readonly #host: DiscoveryHost;
  readonly #counters: Record<string, number>;
  readonly #parse: ParseText;
  readonly #loop: LookLoop;
  readonly #watch: FolderWatch;
  #cancelSettle: Cancel | undefined;
  #last: { readonly reading: Reading; readonly look: Look } | undefined;

  constructor(
    settings: FileSettings,
    host: DiscoveryHost,
    parse: ParseText,
    counters: Record<string, number>,
  ) {
    this.#settings = settings;
    this.#host = host;
    this.#parse = parse;
    this.#counters = counters;
    const { path, timing } = settings;
    const log = new QuietLog(host.clock, host.logger, timing.logRepeatMs);
    this.#loop = new LookLoop(host, timing, (signal) => this.#look(signal));
    this.#watch = new FolderWatch(
      dirname(path),
      () => this.#onChange(),
      (error) => {
        this.#count("watch_errors");
        const fields = { path, periodMs: timing.periodMs, reason: error.message };
        log.warn("watch", "a list of nodes cannot be watched; it is read again and again instead", fields);
      },
    );
  }

  start(): void {
    this.#loop.hurry();
  }

  stop(): void {
    this.#loop.stop();
    this.#watch.stop();
    this.#cancelSettle?.();
  }

  /** However much happens in the folder, it leads to one look in `settleMs`. */
  #onChange(): void {
    this.#count("changes_noticed");
    this.#cancelSettle ??= this.#host.clock.after(this.#settings.timing.settleMs, () => {
      this.#cancelSettle = undefined;
      this.#loop.hurry();
    });
  }

  async #look(signal: AbortSignal): Promise<Look> {
    await this.#watch.renew();
    const reading = await this.#readSteadily(signal);
    if (this.#last === undefined || !isSame(this.#last.reading, reading)) {
      const look = this.#judge(reading);
      if (signal.aborted) return look;
      this.#last = { reading, look };
    }
    return this.#last.look;
  }

  /** What differs from the last time counts when it was read twice alike. */
  async #readSteadily(signal: AbortSignal): Promise<Reading> {
    const { path, timing, limits } = this.#settings;
    let before = this.#last?.reading;
    for (let readings = 0; readings < limits.readingsMax && !signal.aborted; readings++) {
      const reading = await readText(path, limits.bytesMax);
      this.#count("readings");
      if (before !== undefined && isSame(before, reading)) return reading;
      before = reading;
      await this.#pause(timing.settleMs, signal);
    }
    return { failure: "it changes all the time" };
  }

  #judge(reading: Reading): Look {
    const fail = (reason: string): Look => {
      this.#count("lists_refused");
      return { failure: `${this.#settings.path}: ${reason}` };
    };
    if ("failure" in reading) return fail(reading.failure);
    let value: unknown;
    try {
      value = this.#parse(reading.text);
    } catch (error) {
      // Libraries show the place, over many lines.
      const [first = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
      return fail(`it is no ${this.#settings.format.toUpperCase()}: ${first}`);
    }
    const list = readList(value);
    if (typeof list === "string") return fail(list);
    this.#count("lists_taken");
    return { sightings: withoutRepeats(list) };
  }

  #pause(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#host.clock.after(delayMs, resolve);
      const end = () => {
        cancel();
        resolve();
      };
      signal.addEventListener("abort", end, { once: true });
    });
  }

  #count(name: string): void {
    this.#counters[name] = (this.#counters[name] ?? 0) + 1;
  }
}

function isSame(a: Reading, b: Reading): boolean {
  if ("text" in a) return "text" in b && a.text === b.text;
  return "failure" in b && a.failure === b.failure;
}

/**
 * Nodes that a file lists, in JSON or YAML: it is watched, and read again and again besides. As long as it is not there,
 * or there is nonsense in it, those of its last good list stay seen. Throws `discovery_config_invalid`.
 */
export function file(options: FileOptions): DiscoveryStrategy {
  const settings = resolveFile(options);
  const counters = {
    readings: 0,
    changes_noticed: 0,
    lists_taken: 0,
    lists_refused: 0,
    watch_errors: 0,
  };
  return new LookingStrategy("file", counters, async (host) => {
    const parse = await parserOf(settings.format);
    return new FileLife(settings, host, parse, counters);
  });
}

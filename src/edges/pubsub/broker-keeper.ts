import type { Cancel, Clock } from "../../contracts/clock.js";
import type { Logger } from "../../contracts/logger.js";
import type { Random } from "../../contracts/random.js";
import { SimurghError } from "../../runtime/errors.js";
import type { BrokerCounters } from "./broker-counters.js";
import type { BrokerDriver, BrokerLink } from "./broker-driver.js";
import type { BrokerTiming } from "./broker-options.js";
import { pause, within } from "./within.js";

/** What a {@link BrokerKeeper} tells its engine. */
export interface KeeperOwner {
  /** Brings a new link into force. MUST settle also when the broker is silent. A rejection makes it of no use. */
  prepare(link: BrokerLink): Promise<void>;
  onMessage(name: string, data: Uint8Array): void;
  onRefused(what: string): void;
  /** Messages can flow. `again`: they could before. */
  onUp(link: BrokerLink, again: boolean): void;
  /** Messages cannot flow any more; the keeper tries to change that. */
  onDown(reason: string): void;
}

/** What a {@link BrokerKeeper} works with. */
export interface KeeperParts {
  readonly driver: BrokerDriver;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly timing: BrokerTiming;
  readonly counters: BrokerCounters;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether a link is lost before it was up. */
class EarlyFate {
  /** Rejects when it is. */
  readonly lost: Promise<never>;
  #reason: string | undefined;
  #reject: (error: SimurghError) => void = () => {};

  constructor() {
    this.lost = new Promise((_, reject) => {
      this.#reject = reject;
    });
    // Nobody may be waiting for it any more.
    this.lost.catch(() => {});
  }

  lose(reason: string): void {
    this.#reason = reason;
    this.#reject(new SimurghError("engine_unreachable", reason));
  }

  /** Throws when it was: a promise alone may tell too late. */
  requireAlive(): void {
    if (this.#reason !== undefined) throw new SimurghError("engine_unreachable", this.#reason);
  }
}

/** Keeps a node linked with its broker: makes the link, watches it, makes another one when it is lost. */
export class BrokerKeeper {
  readonly #parts: KeeperParts;
  readonly #owner: KeeperOwner;
  #link: BrokerLink | undefined;
  #wasUp = false;
  #closed = false;
  #endPause = () => {};
  /** Ends an attempt that waits for its broker. */
  #abort = () => {};
  #cancelWatch: Cancel = () => {};
  #lastReason = "";
  #attempting: Promise<void> = Promise.resolve();

  constructor(parts: KeeperParts, owner: KeeperOwner) {
    this.#parts = parts;
    this.#owner = owner;
  }

  /** The link, while messages can flow. */
  get link(): BrokerLink | undefined {
    return this.#link;
  }

  /** Makes the first link. Rejects when that cannot be done within the time to start, or at all. */
  async open(): Promise<void> {
    const { clock, timing, driver } = this.#parts;
    const deadlineMs = clock.monotonic() + timing.startTimeoutMs;
    for (let attempt = 0; !this.#closed; attempt++) {
      try {
        this.#attempting = this.#attempt();
        return await this.#attempting;
      } catch (error) {
        const leftMs = deadlineMs - clock.monotonic();
        if (this.#closed) throw error;
        if (error instanceof SimurghError && error.code === "engine_refused") throw error;
        if (leftMs <= 0) {
          const message = `no ${driver.engine} within ${timing.startTimeoutMs} ms: ${reasonOf(error)}`;
          throw new SimurghError("engine_unreachable", message, { cause: error });
        }
        await this.#pause(Math.min(leftMs, this.#backoffMs(attempt)));
      }
    }
    throw new SimurghError("engine_unreachable", "stopped while it started");
  }

  /** Lets what is queued leave, within a bound; then ends the link for good. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#endPause();
    this.#abort();
    this.#cancelWatch();
    const { clock, timing } = this.#parts;
    const link = this.#link;
    this.#link = undefined;
    // What could not leave in time is lost, as it is when a link breaks. An attempt under way sees that it is late.
    const last = link === undefined ? this.#attempting : link.settled();
    await within(clock, timing.stopTimeoutMs, last).catch(() => false);
    link?.destroy();
  }

  async #attempt(): Promise<void> {
    const { driver, nodeName, clock, random, timing, counters } = this.#parts;
    counters.attempts += 1;
    const fate = new EarlyFate();
    this.#abort = () => fate.lose("stopped meanwhile");
    let link: BrokerLink | undefined;
    const handler = {
      onMessage: (name: string, data: Uint8Array) => this.#owner.onMessage(name, data),
      onRefused: (what: string) => this.#owner.onRefused(what),
      onLost: (reason: string) => {
        if (link !== undefined && link === this.#link) this.#lost(link, reason);
        else fate.lose(reason);
      },
    };
    try {
      link = await driver.connect({ handler, nodeName, timeoutMs: timing.connectTimeoutMs, clock, random });
      this.#requireOpen();
      await Promise.race([this.#owner.prepare(link), fate.lost]);
      this.#requireOpen();
      fate.requireAlive();
    } catch (error) {
      counters.attempts_failed += 1;
      link?.destroy();
      throw error;
    }
    const again = this.#wasUp;
    this.#link = link;
    this.#wasUp = true;
    this.#lastReason = "";
    this.#watch(link);
    this.#owner.onUp(link, again);
  }

  #requireOpen(): void {
    if (this.#closed) throw new SimurghError("engine_unreachable", "stopped meanwhile");
  }

  /** Asks for signs of life. */
  #watch(link: BrokerLink): void {
    const { clock, timing } = this.#parts;
    let waitingSinceMs: number | undefined;
    let lastTickMs = clock.monotonic();
    this.#cancelWatch = clock.every(timing.pingPeriodMs, () => {
      const nowMs = clock.monotonic();
      const late = nowMs - lastTickMs > 2 * timing.pingPeriodMs;
      lastTickMs = nowMs;
      if (waitingSinceMs === undefined) {
        waitingSinceMs = nowMs;
        link.settled().then(
          () => {
            waitingSinceMs = undefined;
          },
          // The link is lost, and says so itself.
          () => {},
        );
      } else if (!late && nowMs - waitingSinceMs >= timing.pingTimeoutMs) {
        // If this process itself stood still, the signs of life wait unread: then nobody is judged.
        this.#parts.counters.links_silent += 1;
        this.#lost(link, "silent");
      }
    });
  }

  #lost(link: BrokerLink, reason: string): void {
    if (this.#link !== link) return;
    this.#link = undefined;
    this.#cancelWatch();
    this.#parts.counters.links_lost += 1;
    link.destroy();
    this.#owner.onDown(reason);
    void this.#again();
  }

  async #again(): Promise<void> {
    const { logger, driver } = this.#parts;
    for (let attempt = 0; !this.#closed; attempt++) {
      await this.#pause(this.#backoffMs(attempt));
      if (this.#closed) return;
      try {
        this.#attempting = this.#attempt();
        return await this.#attempting;
      } catch (error) {
        const reason = reasonOf(error);
        if (this.#closed || reason === this.#lastReason) continue;
        // A reason is news once, however often the attempt fails for it.
        this.#lastReason = reason;
        logger.warn(`${driver.engine} cannot be reached`, { reason });
      }
    }
  }

  async #pause(delayMs: number): Promise<void> {
    const { over, end } = pause(this.#parts.clock, delayMs);
    this.#endPause = end;
    await over;
  }

  /** Half of it by chance: a hundred nodes that lost their broker together do not come back together. */
  #backoffMs(attempt: number): number {
    const { backoffBaseMs, backoffMaxMs } = this.#parts.timing;
    const ceilingMs = Math.min(backoffMaxMs, backoffBaseMs * 2 ** Math.min(attempt, 30));
    return Math.ceil(ceilingMs * (0.5 + this.#parts.random.fraction() / 2));
  }
}

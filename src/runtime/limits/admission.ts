import type { Cancel, Clock } from "../../contracts/clock.js";
import type { Random } from "../../contracts/random.js";
import { Pace } from "../../core/limits/pace.js";
import { Fifo } from "../../core/shared/fifo.js";
import type { Counters } from "../counters.js";
import type { LimitReports } from "./limit-reports.js";
import type { NodeLimits } from "./node-limits.js";

/** How a wait ended. `gone`: the client has not waited that long. */
export type Entry = "in" | "late" | "gone" | "stopped";

/** How somebody who waits is told that his client has gone; gives back a function that ends the watch. */
export type WatchClient = (gone: () => void) => () => void;

/** How often those who wait are looked at when nothing else happens, and how late the event loop is. */
const SWEEP_MS = 25;

/** Bounds of what `retry-after` says, seconds. */
const RETRY_AFTER_MAX_S = 30;

/** Weight of a new measurement against those before. */
const NEWS = 0.3;

/** A measurement over more seconds than this had pauses in it. */
const QUIET_S = 3;

interface Waiter {
  readonly sinceMs: number;
  /** Undefined when it is over. */
  settle: ((entry: Entry) => void) | undefined;
  unwatch: () => void;
}

const NONE_DECIDED = { atOnce: 0, completed: 0, latencyMs: 0, lagMs: 0, crowded: false };

/** Handshakes let in together. */
interface Slice {
  /** Of the turn before. */
  readonly turnMs: number;
  readonly startedMs: number;
  readonly handshakes: number;
}

/** What an admission needs around it. */
export interface AdmissionSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: Counters;
  readonly reports: LimitReports;
}

/**
 * Takes in handshakes at the pace that the node can serve, the oldest first, so that a storm is a queue and not a
 * collapse. What the pace is, `Pace` learns: this measures how long a slice of handshakes takes, the turn of the event
 * loop around it, and each handshake until it completes.
 *
 * Off, it takes in what comes, up to `handshakesMax`, and nobody waits.
 */
export class Admission {
  readonly #limits: NodeLimits;
  readonly #around: AdmissionSurroundings;
  readonly #queues: boolean;
  readonly #pace: Pace;
  readonly #waiting = new Fifo<Waiter>();
  /** Of those in `#waiting` the ones that are not over. */
  #crowd = 0;
  #underWay = 0;
  /** Begun in this turn of the event loop. */
  #begun = 0;
  /** Decided in this turn: at once, and after some wait. */
  #atOnce = 0;
  #completed = 0;
  #latencyMs = 0;
  #lagMs = 0;
  #turnScheduled = false;
  #sweep: Cancel | undefined = undefined;
  #stopped = false;
  readonly #served = { sinceMs: 0, count: 0, perS: 0 };

  constructor(limits: NodeLimits, queues: boolean, around: AdmissionSurroundings) {
    this.#limits = limits;
    this.#queues = queues;
    this.#around = around;
    this.#pace = new Pace(limits.handshakesMax);
  }

  /**
   * A handshake asks for its turn. Undefined: it is its turn, and `leave` is owed. `"full"`: it cannot even wait. Else
   * how its wait will end; after `"in"` `leave` is owed.
   */
  enter(watch?: WatchClient): undefined | "full" | Promise<Entry> {
    const { handshakesMax, handshakeQueueMax } = this.#limits;
    const { reports } = this.#around;
    if (!this.#queues) {
      if (this.#underWay < handshakesMax) return this.#begin();
      reports.exceeded("refused_handshakes_total", "handshakesMax");
      return "full";
    }
    if (this.#crowd === 0 && this.#room() > 0) return this.#begin();
    if (this.#crowd >= handshakeQueueMax) {
      reports.exceeded("refused_handshakes_total", "handshakeQueueMax");
      return "full";
    }
    return this.#wait(watch);
  }

  /** A handshake is decided, which began at `startedMs`; undefined: it was decided at once. */
  leave(startedMs: number | undefined): void {
    this.#underWay--;
    if (startedMs === undefined) this.#atOnce++;
    else {
      this.#completed++;
      this.#latencyMs += this.#around.clock.monotonic() - startedMs;
    }
    this.#around.counters.handshakes_under_way = this.#underWay;
    this.#scheduleTurn();
  }

  /** Seconds after which a client may come again that could not wait: when the queue may have been served, and spread. */
  retryAfterS(): number {
    const { perS } = this.#served;
    const queueS = perS > 0 ? this.#crowd / perS : 1;
    const leastS = Math.min(Math.max(1, queueS), RETRY_AFTER_MAX_S / 2);
    return Math.ceil(leastS * (1 + this.#around.random.fraction()));
  }

  /** Sends away all who wait. */
  stop(): void {
    this.#stopped = true;
    this.#sweep?.();
    this.#sweep = undefined;
    for (let waiter = this.#waiting.shift(); waiter !== undefined; waiter = this.#waiting.shift()) {
      this.#end(waiter, "stopped");
    }
  }

  #begin(): undefined {
    this.#underWay++;
    this.#begun++;
    this.#around.counters.handshakes_under_way = this.#underWay;
    this.#scheduleTurn();
    return undefined;
  }

  /** Handshakes that may begin now. */
  #room(): number {
    return Math.min(this.#pace.perTurn - this.#begun, this.#pace.window - this.#underWay);
  }

  #wait(watch: WatchClient | undefined): Promise<Entry> {
    if (this.#stopped) return Promise.resolve("stopped");
    const { clock, counters } = this.#around;
    counters.queued_handshakes_total++;
    return new Promise((settle) => {
      const waiter: Waiter = { sinceMs: clock.monotonic(), settle, unwatch: () => {} };
      this.#waiting.push(waiter);
      this.#setCrowd(this.#crowd + 1);
      if (watch !== undefined) waiter.unwatch = watch(() => this.#end(waiter, "gone"));
      this.#watchTime();
    });
  }

  /** As long as somebody waits. Where all that are under way hang, no turn comes. */
  #watchTime(): void {
    if (this.#sweep !== undefined) return;
    const { clock } = this.#around;
    let lastMs = clock.monotonic();
    this.#sweep = clock.every(SWEEP_MS, () => {
      const nowMs = clock.monotonic();
      const lateMs = Math.max(0, nowMs - lastMs - SWEEP_MS);
      lastMs = nowMs;
      this.#lagMs += NEWS * (lateMs - this.#lagMs);
      this.#sendAwayLate();
    });
  }

  #setCrowd(crowd: number): void {
    this.#crowd = crowd;
    this.#around.counters.handshakes_waiting = crowd;
  }

  #end(waiter: Waiter, entry: Entry): void {
    const { settle } = waiter;
    if (settle === undefined) return;
    waiter.settle = undefined;
    waiter.unwatch();
    this.#setCrowd(this.#crowd - 1);
    settle(entry);
  }

  #sendAwayLate(): void {
    const lateMs = this.#around.clock.monotonic() - this.#limits.handshakeWaitMs;
    for (let oldest = this.#waiting.peek(); oldest !== undefined; oldest = this.#waiting.peek()) {
      const over = oldest.settle === undefined;
      if (!over && oldest.sinceMs > lateMs) break;
      this.#waiting.shift();
      if (!over) this.#around.reports.exceeded("expired_handshakes_total", "handshakeWaitMs");
      this.#end(oldest, "late");
    }
    if (this.#crowd > 0) return;
    this.#sweep?.();
    this.#sweep = undefined;
  }

  /** Once in a turn of the event loop: takes note of what was, and lets in the next ones. */
  #scheduleTurn(): void {
    if (this.#turnScheduled) return;
    this.#turnScheduled = true;
    const { clock } = this.#around;
    const sinceMs = clock.monotonic();
    let slice: Slice | undefined;
    setImmediate(() => {
      this.#turnScheduled = false;
      const turnMs = clock.monotonic() - sinceMs;
      this.#note(turnMs);
      slice = this.#admit(turnMs);
    });
    // Between two callbacks of `setImmediate` all promises settle that can: the handshakes let in, and nothing else.
    setImmediate(() => {
      if (slice === undefined) return;
      const { turnMs, startedMs, handshakes } = slice;
      const handshakesMs = clock.monotonic() - startedMs;
      this.#pace.note({ turnMs, handshakesMs, handshakes, ...NONE_DECIDED });
    });
  }

  #note(turnMs: number): void {
    const [atOnce, completed, latencyMs] = [this.#atOnce, this.#completed, this.#latencyMs];
    this.#begun = 0;
    this.#atOnce = 0;
    this.#completed = 0;
    this.#latencyMs = 0;
    const crowded = this.#crowd > 0;
    const lagMs = this.#lagMs;
    this.#pace.note({
      turnMs,
      handshakesMs: undefined,
      handshakes: 0,
      atOnce,
      completed,
      latencyMs,
      lagMs,
      crowded,
    });
    this.#noteServed(atOnce + completed);
  }

  #noteServed(completed: number): void {
    const served = this.#served;
    const nowMs = this.#around.clock.monotonic();
    served.count += completed;
    const sinceS = (nowMs - served.sinceMs) / 1_000;
    if (sinceS < 1) return;
    // After a quiet time the figure would say how few came, not how many could be served.
    if (sinceS < QUIET_S) served.perS += NEWS * (served.count / sinceS - served.perS);
    served.sinceMs = nowMs;
    served.count = 0;
  }

  /** Lets in the oldest of those who wait, as many as there is room for. Undefined: none. */
  #admit(turnMs: number): Slice | undefined {
    if (this.#crowd === 0) return undefined;
    this.#sendAwayLate();
    const startedMs = this.#around.clock.monotonic();
    let handshakes = 0;
    for (let room = this.#room(); room > 0; ) {
      const waiter = this.#waiting.shift();
      if (waiter === undefined) break;
      if (waiter.settle === undefined) continue;
      room--;
      handshakes++;
      this.#begin();
      this.#end(waiter, "in");
    }
    return handshakes === 0 ? undefined : { turnMs, startedMs, handshakes };
  }
}

import type { Cancel, Clock } from "../../contracts/clock.js";
import type { Random } from "../../contracts/random.js";
import { Prng } from "../../core/shared/prng.js";
import type { World } from "./world.js";

/** The wall clock of a world at its beginning. */
const beginningMs = 1_700_000_000_000;

/** Longest time from the end of a turn's work to what was put off to its end. */
const turnUsMax = 200;

interface Timer {
  readonly dueUs: number;
  readonly order: number;
  readonly run: () => void;
}

/**
 * One process of a simulated machine, from its start to its death: its clock, its chance, and whether it runs,
 * stands still or is dead. Whatever happens to it goes through here.
 */
export class Process {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly #world: World;
  readonly #chance: Prng;
  /** Timers that are set. */
  readonly #timers = new Set<object>();
  #timerOrders = 0;
  #dueTimers: Timer[] = [];
  #inbox: (() => void)[] = [];
  #alive = true;
  #standing = false;
  #catchingUp = false;
  /** When it last went on after standing still. */
  thawedAtUs: number;
  wallOffsetMs = 0;

  constructor(world: World, name: string, seed: number) {
    this.#world = world;
    this.name = name;
    this.thawedAtUs = world.nowUs;
    this.#chance = new Prng(seed, name);
    const chance = this.#chance;
    this.random = { fraction: () => chance.fraction(), bytes: (length) => chance.bytes(length) };
    const startedUs = world.nowUs;
    this.clock = {
      now: () => Math.floor(beginningMs + this.wallOffsetMs + world.nowUs / 1_000),
      monotonic: () => (world.nowUs - startedUs) / 1_000,
      after: (delayMs, callback) => this.#after(delayMs, callback),
      every: (periodMs, callback) => this.#every(periodMs, callback),
    };
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Whether it stands still, or has not yet caught up with what arrived meanwhile. */
  get frozen(): boolean {
    return this.#standing || this.#catchingUp;
  }

  /** Timers that are set and not cancelled. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Something arrives from outside: it is handled now, when the process goes on, or never. */
  handle(run: () => void): void {
    if (!this.#alive) return;
    if (this.frozen) this.#inbox.push(run);
    else run();
  }

  /** Like `handle`, in a turn of its own. */
  handleNext(run: () => void): void {
    this.#world.after(0, () => this.handle(run));
  }

  /** Runs `flush` at the end of the present turn. */
  defer(flush: () => void): void {
    this.#world.after(this.#chance.between(0, turnUsMax), () => this.handle(flush));
  }

  /** It stands still; time goes on, and what arrives waits. */
  freeze(): void {
    this.#standing = true;
  }

  /** It goes on: timers that became due come first, then what arrived. */
  thaw(): void {
    this.#standing = false;
    this.thawedAtUs = this.#world.nowUs;
    this.#dueTimers.sort((a, b) => a.dueUs - b.dueUs || a.order - b.order);
    if (this.#catchingUp) return;
    this.#catchingUp = true;
    this.#catchUp();
  }

  /** One thing at a time, in order; whatever arrives meanwhile waits behind. */
  #catchUp(): void {
    this.#world.after(0, () => {
      const run =
        this.#standing || !this.#alive ? undefined : (this.#dueTimers.shift()?.run ?? this.#inbox.shift());
      if (run === undefined) {
        this.#catchingUp = false;
        return;
      }
      this.#catchUp();
      run();
    });
  }

  /** Nothing happens in it any more. */
  die(): void {
    this.#alive = false;
    this.#timers.clear();
    this.#dueTimers = [];
    this.#inbox = [];
  }

  #after(delayMs: number, callback: () => void): Cancel {
    const key = {};
    this.#timers.add(key);
    this.#set(delayMs, () => {
      if (this.#timers.delete(key)) callback();
    });
    return () => void this.#timers.delete(key);
  }

  #every(periodMs: number, callback: () => void): Cancel {
    const key = {};
    this.#timers.add(key);
    const again = () =>
      this.#set(periodMs, () => {
        if (!this.#timers.has(key)) return;
        again();
        callback();
      });
    again();
    return () => void this.#timers.delete(key);
  }

  #set(delayMs: number, run: () => void): void {
    if (!this.#alive) return;
    this.#timerOrders += 1;
    const dueUs = this.#world.nowUs + Math.max(0, Math.ceil(delayMs * 1_000));
    const timer: Timer = { dueUs, order: this.#timerOrders, run };
    this.#world.at(dueUs, () => this.#fire(timer));
  }

  #fire(timer: Timer): void {
    if (!this.#alive) return;
    if (this.frozen) this.#dueTimers.push(timer);
    else timer.run();
  }
}

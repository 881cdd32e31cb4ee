import type { Cancel } from "../../../contracts/clock.js";
import type { Address } from "../../../contracts/network.js";
import { backoffMs } from "./backoff.js";
import type { MeshContext } from "./context.js";
import type { PeerAddress } from "./peer-address.js";
import { formatAddress } from "./peer-address.js";
import type { Refusal } from "./refusal.js";

/**
 * waiting: a dial is due. dialling: one is under way. linked: the node behind it has a link, whoever dialled it.
 * left: it announced its leaving. self: this very node answered.
 */
export type TargetState = "waiting" | "dialling" | "linked" | "left" | "self";

/** An address that this node is to be linked with. */
export interface Target {
  readonly key: string;
  readonly address: Address;
  /** Names that may answer; empty when the name is to be learned. */
  readonly names: readonly string[];
  /** Listed in the options: a leaver is tried again after a while, because nobody will discover it again. */
  readonly listed: boolean;
  /** Since when it is dialled. */
  readonly sinceMs: number;
  state: TargetState;
  /** Name that answered last. */
  learned: string | undefined;
  /** Attempts without success in a row. */
  attempts: number;
  /** The dial under way. */
  dial: Dial | undefined;
  cancel: Cancel;
}

/** One attempt to reach a target. */
export interface Dial {
  readonly target: Target;
  /** Dials and partings are numbered together, to tell which came first. */
  readonly order: number;
  /** Nobody waits for a dial that is not live: what it reached is to be closed. */
  live: boolean;
}

/** How far the link to a node is; undefined when there is none. */
export type LinkState = "open" | "up" | undefined;

/** How a dial ended that did not lead to a link. */
export type DialFailure = "failed" | Refusal;

const nothing = () => {};

/** Keeps this node linked with its targets: dials, backs off, rests while the node behind a target is linked. */
export class Dialer {
  readonly #context: MeshContext;
  readonly #dial: (dial: Dial) => void;
  readonly #linkState: (name: string) => LinkState;
  readonly #targets = new Map<string, Target>();
  readonly #firstAttempts = new Set<Target>();
  #onSettled: () => void = nothing;
  #dialling = 0;
  /** Who parted from this node while dials were under way, and when. */
  readonly #partings = new Map<string, number>();
  #order = 0;

  constructor(context: MeshContext, dial: (dial: Dial) => void, linkState: (name: string) => LinkState) {
    this.#context = context;
    this.#dial = dial;
    this.#linkState = linkState;
  }

  /** Every target, for the eyes of an operator. */
  list(): Target[] {
    return [...this.#targets.values()];
  }

  /** Adds a target, or finds a known one again: one that left is dialled anew. */
  add(peer: PeerAddress, listed: boolean): void {
    const key = formatAddress(peer.address);
    const { address, names } = peer;
    const known = this.#targets.get(key);
    if (known !== undefined && names.length > 0 && known.names.length > 0 && known.names[0] !== names[0]) {
      // Another node took over the address.
      this.#drop(known);
    } else if (known !== undefined) {
      if (known.state === "left") this.#schedule(known, 0);
      return;
    }
    const target: Target = {
      key,
      address,
      names,
      listed,
      sinceMs: this.#context.clock.monotonic(),
      state: "waiting",
      learned: undefined,
      attempts: 0,
      dial: undefined,
      cancel: nothing,
    };
    this.#targets.set(key, target);
    if (listed) this.#firstAttempts.add(target);
    this.#schedule(target, 0);
  }

  /** This node and that one part; a dial that is under way does not count as finding it again. */
  part(name: string): void {
    if (this.#dialling === 0) return;
    this.#order += 1;
    this.#partings.set(name, this.#order);
  }

  /** Whether the node that a dial reached has parted since the dial began. */
  isStale(dial: Dial, name: string): boolean {
    return (this.#partings.get(name) ?? 0) > dial.order;
  }

  /** Never dials that address again. */
  remove(address: Address): void {
    const target = this.#targets.get(formatAddress(address));
    if (target !== undefined) this.#drop(target);
  }

  /** Never dials that node again. Returns the keys of its targets. */
  removeName(name: string): readonly string[] {
    const targets = this.list().filter((target) => this.#leadsTo(target, name));
    for (const target of targets) this.#drop(target);
    return targets.map(({ key }) => key);
  }

  /** Calls back once when every listed target was tried. */
  whenTried(callback: () => void): void {
    this.#onSettled = callback;
    if (this.#firstAttempts.size === 0) callback();
  }

  /** The dial led to nobody, or to somebody who refused. `name`: who answered, if that is proven. */
  onFailed(dial: Dial, failure: DialFailure, name: string | undefined): void {
    if (!dial.live) return;
    const { target } = dial;
    this.#endDial(target);
    if (name !== undefined) target.learned = name;
    // What nobody vouched for must not keep this node from dialling for long.
    const proven = name !== undefined;
    if (proven && failure === "self") target.state = "self";
    else if (proven && failure === "leaving") this.#hold(target);
    else if (this.#restsOn(target) !== undefined) target.state = "linked";
    else this.#retry(target);
    if (this.#restsOn(target) !== "open") this.#tried(target);
  }

  /** A link to `name` is open; `dial` led to it, if it was dialled from here. */
  onLinked(name: string, dial: Dial | undefined): void {
    if (dial?.live) {
      this.#endDial(dial.target);
      dial.target.learned = name;
    }
    for (const one of this.#targets.values()) {
      if (one.state === "dialling" || !this.#leadsTo(one, name)) continue;
      one.cancel();
      one.state = "linked";
    }
  }

  /** Messages flow to and from `name`. */
  onUp(name: string): void {
    for (const target of this.#targets.values()) {
      if (this.#leadsTo(target, name)) this.#tried(target);
    }
  }

  /** The link to `name` is gone. A link that did not last counts as a failed attempt. */
  onUnlinked(name: string, left: boolean, lastedMs: number): void {
    for (const target of this.#targets.values()) {
      if (!this.#leadsTo(target, name) || (target.state === "dialling" && !left)) continue;
      this.#tried(target);
      if (left) {
        this.#hold(target);
        continue;
      }
      if (lastedMs >= this.#context.settings.timing.backoffMaxMs) target.attempts = 0;
      this.#retry(target);
    }
  }

  stop(): void {
    for (const target of this.#targets.values()) this.#drop(target);
    this.#firstAttempts.clear();
    this.#onSettled();
  }

  #leadsTo(target: Target, name: string): boolean {
    return target.learned === name || (target.learned === undefined && target.names.includes(name));
  }

  /** How far the link to the node behind the target is, whoever dialled it. */
  #restsOn(target: Target): LinkState {
    const names = target.learned === undefined ? target.names : [target.learned];
    for (const name of names) {
      const state = this.#linkState(name);
      if (state !== undefined) return state;
    }
    return undefined;
  }

  #drop(target: Target): void {
    target.cancel();
    this.#endDial(target);
    this.#targets.delete(target.key);
    this.#tried(target);
  }

  #tried(target: Target): void {
    if (this.#firstAttempts.delete(target) && this.#firstAttempts.size === 0) this.#onSettled();
  }

  #endDial(target: Target): void {
    if (target.dial === undefined) return;
    target.dial.live = false;
    target.dial = undefined;
    target.state = "waiting";
    this.#dialling -= 1;
    if (this.#dialling === 0) this.#partings.clear();
  }

  #retry(target: Target): void {
    const { backoffBaseMs, backoffMaxMs } = this.#context.settings.timing;
    const delayMs = backoffMs(target.attempts, backoffBaseMs, backoffMaxMs, this.#context.random.fraction());
    target.attempts += 1;
    this.#schedule(target, delayMs);
  }

  #hold(target: Target): void {
    target.cancel();
    this.#endDial(target);
    target.state = "left";
    target.attempts = 0;
    const { leaverHoldMs } = this.#context.settings.timing;
    target.cancel = target.listed
      ? this.#context.clock.after(leaverHoldMs, () => this.#schedule(target, 0))
      : nothing;
  }

  #schedule(target: Target, delayMs: number): void {
    target.cancel();
    target.state = "waiting";
    target.cancel = this.#context.clock.after(delayMs, () => this.#attempt(target));
  }

  #attempt(target: Target): void {
    const rest = this.#restsOn(target);
    if (rest !== undefined) {
      target.state = "linked";
      if (rest === "up") this.#tried(target);
      return;
    }
    if (this.#dialling >= this.#context.settings.limits.dialsMax) return this.#retry(target);
    this.#dialling += 1;
    this.#order += 1;
    target.state = "dialling";
    target.dial = { target, order: this.#order, live: true };
    this.#dial(target.dial);
  }
}

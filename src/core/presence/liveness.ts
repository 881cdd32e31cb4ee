import type { TrackerOptions } from "./options.js";
import { isLater, nameOf, type ReplicaId } from "./replica-id.js";

/** What hearing from a replica means. */
export type Heard =
  /** It was up before. */
  | { readonly type: "known" }
  /** It is new, or was down; or took the place of an earlier replica of the same name, which is gone for good. */
  | { readonly type: "up"; readonly replaced: ReplicaId | undefined }
  /** Nothing may be taken from it. */
  | { readonly type: "ignored"; readonly fault: LivenessFault | undefined };

/** Why a replica is ignored, when somebody should be told. */
export type LivenessFault = "name_conflict" | "replicas_max";

/** Replicas whose silence has lasted too long. */
export interface Silent {
  readonly down: readonly ReplicaId[];
  readonly gone: readonly ReplicaId[];
}

interface Peer {
  readonly id: ReplicaId;
  up: boolean;
  heardAt: number;
  /** When the engine said that the node is lost; undefined once it is heard again. */
  lostAt: number | undefined;
}

type Periods = Pick<TrackerOptions, "downPeriodMs" | "permdownPeriodMs" | "lostPeriodMs" | "replicasMax">;

/** Who is up, down, or gone, judged by silence. One replica for each name. */
export class Liveness {
  readonly #self: ReplicaId;
  readonly #periods: Periods;
  readonly #peers = new Map<string, Peer>();
  /** Replicas that ended for certain, with the time until which their late messages are told apart. */
  readonly #ended = new Map<ReplicaId, number>();

  constructor(self: ReplicaId, periods: Periods) {
    this.#self = self;
    this.#periods = periods;
  }

  /** Every message counts as a sign of life of its sender. */
  heard(id: ReplicaId, now: number): Heard {
    const name = nameOf(id);
    if (id === this.#self || this.#ended.has(id)) return { type: "ignored", fault: undefined };
    if (name === nameOf(this.#self)) return { type: "ignored", fault: "name_conflict" };
    const peer = this.#peers.get(name);
    if (peer === undefined) {
      if (this.#peers.size >= this.#periods.replicasMax) return { type: "ignored", fault: "replicas_max" };
      this.#peers.set(name, { id, up: true, heardAt: now, lostAt: undefined });
      return { type: "up", replaced: undefined };
    }
    if (peer.id !== id) return this.#successor(peer, id, now);
    const known = peer.up;
    peer.up = true;
    peer.heardAt = now;
    peer.lostAt = undefined;
    return known ? { type: "known" } : { type: "up", replaced: undefined };
  }

  isUp(id: ReplicaId): boolean {
    const peer = this.#peers.get(nameOf(id));
    return peer !== undefined && peer.id === id && peer.up;
  }

  /** The engine lost the way to a node: less silence is needed to call it down. */
  lost(name: string, now: number): void {
    const peer = this.#peers.get(name);
    if (peer !== undefined) peer.lostAt ??= now;
  }

  /** A replica said goodbye. Returns whether it was known. */
  ended(id: ReplicaId, now: number): boolean {
    this.#retire(id, now);
    const peer = this.#peers.get(nameOf(id));
    return peer !== undefined && peer.id === id && this.#peers.delete(nameOf(id));
  }

  /** This process stood still for `pausedMs`: nobody is to blame for not being heard in that time. */
  excuse(pausedMs: number, now: number): void {
    for (const peer of this.#peers.values()) {
      peer.heardAt = Math.min(peer.heardAt + pausedMs, now);
      if (peer.lostAt !== undefined) peer.lostAt = Math.min(peer.lostAt + pausedMs, now);
    }
  }

  /** Replicas that became down or gone. Who is gone is forgotten here, and may come back. */
  detect(now: number): Silent {
    const down: ReplicaId[] = [];
    const gone: ReplicaId[] = [];
    for (const [name, peer] of this.#peers) {
      if (now - peer.heardAt >= this.#periods.permdownPeriodMs) {
        gone.push(peer.id);
        this.#peers.delete(name);
      } else if (peer.up && this.#isSilent(peer, now)) {
        down.push(peer.id);
        peer.up = false;
      }
    }
    for (const [id, until] of this.#ended) {
      if (until <= now) this.#ended.delete(id);
    }
    return { down, gone };
  }

  #isSilent(peer: Peer, now: number): boolean {
    if (now - peer.heardAt >= this.#periods.downPeriodMs) return true;
    return peer.lostAt !== undefined && now - peer.lostAt >= this.#periods.lostPeriodMs;
  }

  /**
   * The name is heard with another version. The later start wins, so that a late message of the earlier one does
   * no harm. A start with a wall clock that was set back wins as soon as the earlier replica is down.
   */
  #successor(peer: Peer, id: ReplicaId, now: number): Heard {
    if (peer.up && !isLater(id, peer.id)) return { type: "ignored", fault: undefined };
    this.#retire(peer.id, now);
    this.#peers.set(nameOf(id), { id, up: true, heardAt: now, lostAt: undefined });
    return { type: "up", replaced: peer.id };
  }

  #retire(id: ReplicaId, now: number): void {
    this.#ended.set(id, now + this.#periods.permdownPeriodMs);
    if (this.#ended.size <= this.#periods.replicasMax) return;
    const [oldest] = this.#ended.keys();
    if (oldest !== undefined) this.#ended.delete(oldest);
  }
}

import type { Sighting } from "../../contracts/discovery.js";
import { formatHostPort } from "../../core/cluster/peer-text.js";
import type { DiscoveredPeer, DiscoveryLimits, PeerState } from "./topology.js";

interface Entry {
  sighting: Sighting;
  /** Since when the answers lack it; undefined while they have it. */
  absentSinceMs: number | undefined;
  /** Since when it is known to have left. */
  leftSinceMs: number | undefined;
}

/** What is to be done about a peer. */
export type Verdict =
  | { readonly what: "connect"; readonly key: string; readonly peer: Sighting; readonly news: boolean }
  | { readonly what: "forget"; readonly key: string; readonly peer: Sighting };

/** Who a topology has found, and the rules by which they come and go. */
export class Ledger {
  readonly #limits: DiscoveryLimits;
  readonly #entries = new Map<string, Entry>();
  /** Sightings beyond the limit. */
  overflows = 0;

  constructor(limits: DiscoveryLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** Takes an answer. Only who is new, or lives anew, is to be connected: for a leaver that means it is back. */
  take(sightings: readonly Sighting[], nowMs: number): Verdict[] {
    const verdicts: Verdict[] = [];
    const seen = new Set<string>();
    for (const peer of sightings) {
      const key = formatHostPort(peer.address);
      if (seen.has(key)) continue;
      seen.add(key);
      const entry = this.#entries.get(key);
      if (entry === undefined && this.#entries.size >= this.#limits.peersMax) {
        this.overflows += 1;
        continue;
      }
      const news = entry === undefined;
      const again = entry !== undefined && isAnother(entry.sighting, peer);
      if (news || again) verdicts.push({ what: "connect", key, peer, news });
      const leftSinceMs = again ? undefined : entry?.leftSinceMs;
      this.#entries.set(key, { sighting: peer, absentSinceMs: undefined, leftSinceMs });
    }
    for (const [key, entry] of this.#entries) if (!seen.has(key)) entry.absentSinceMs ??= nowMs;
    return verdicts;
  }

  /** Nothing will be answered any more: everybody is absent from now on. */
  close(nowMs: number): void {
    this.take([], nowMs);
  }

  /** Who is to be forgotten, and which leavers are to be tried again. Forgotten ones are gone with this call. */
  sweep(states: ReadonlyMap<string, PeerState>, nowMs: number): Verdict[] {
    const verdicts: Verdict[] = [];
    for (const [key, entry] of this.#entries) {
      const state = states.get(key) ?? "away";
      entry.leftSinceMs = state === "left" ? (entry.leftSinceMs ?? nowMs) : undefined;
      const { sighting: peer, absentSinceMs, leftSinceMs } = entry;
      if (absentSinceMs !== undefined) {
        const patienceMs = state === "left" ? 0 : this.#limits.absentMs;
        if (state === "linked" || nowMs - absentSinceMs < patienceMs) continue;
        this.#entries.delete(key);
        verdicts.push({ what: "forget", key, peer });
      } else if (leftSinceMs !== undefined && nowMs - leftSinceMs >= this.#limits.leaverHoldMs) {
        entry.leftSinceMs = undefined;
        verdicts.push({ what: "connect", key, peer, news: false });
      }
    }
    return verdicts;
  }

  /** Forgets everybody. */
  clear(): [key: string, peer: Sighting][] {
    const all = [...this.#entries].map(([key, { sighting }]): [string, Sighting] => [key, sighting]);
    this.#entries.clear();
    return all;
  }

  report(states: ReadonlyMap<string, PeerState>): DiscoveredPeer[] {
    return [...this.#entries].map(([address, { sighting, absentSinceMs }]) => ({
      address,
      node: sighting.name,
      state: states.get(address) ?? "away",
      listed: absentSinceMs === undefined,
    }));
  }
}

/** Whether at the same address there is another node, or another life of it. Not knowing is no difference. */
function isAnother(before: Sighting, after: Sighting): boolean {
  const differ = (a: string | undefined, b: string | undefined) =>
    a !== undefined && b !== undefined && a !== b;
  return differ(before.life, after.life) || differ(before.name, after.name);
}

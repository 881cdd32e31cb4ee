import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { decodeMessage, encodeMessage } from "../../src/core/presence/codec.js";
import { Delivery, deliveryDefaults } from "../../src/core/presence/delivery.js";
import { resolveTrackerOptions, type TrackerOptions } from "../../src/core/presence/options.js";
import { replicaId } from "../../src/core/presence/replica-id.js";
import { Tracker } from "../../src/core/presence/tracker.js";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** So many come, and are told to others, before they go again. */
const crowd = 500;

/** A tracker with the delivery to its clients, as a node has them. */
class Node {
  readonly tracker: Tracker;
  readonly delivery: Delivery;
  joins = 0;
  leaves = 0;
  #refs = 0;

  constructor(name: string, given: Partial<TrackerOptions>) {
    const self = replicaId(name, 1, "0");
    const resolved = resolveTrackerOptions(given);
    if (self === undefined || !resolved.ok) throw new Error("no tracker");
    this.tracker = new Tracker({
      self,
      options: resolved.options,
      newRef: () => `${name}${++this.#refs}`,
    });
    this.delivery = new Delivery({
      index: this.tracker.topics,
      policyOf: () => ({ mode: "coalesced", windowMs: 250, graceMs: 0 }),
      limits: deliveryDefaults,
    });
  }

  /** Takes in what the tracker says; what is for other nodes goes to `other`. */
  settle(other: Node, now: number): void {
    for (const effect of this.tracker.takeEffects()) {
      if (effect.type === "diff") this.delivery.push(effect.diff, now);
      if (effect.type !== "broadcast" && effect.type !== "send") continue;
      const message = decodeMessage(encodeMessage(effect.message));
      if (message === undefined) throw new Error("unreadable");
      other.tracker.receive(message, now);
      other.settle(this, now);
    }
    for (const { diff } of this.delivery.takeChanges()) {
      this.joins += diff?.joins.length ?? 0;
      this.leaves += diff?.leaves.length ?? 0;
    }
  }

  tick(other: Node, now: number): void {
    this.tracker.tick(now);
    this.delivery.tick(now);
    this.settle(other, now);
  }

  /** Everything in it that could grow. */
  sizes(): Record<string, number> {
    const views = [...this.tracker.state.views()];
    const sum = (figure: (view: (typeof views)[number]) => number) =>
      views.reduce((total, view) => total + figure(view), 0);
    return {
      views: views.length,
      entries: sum(({ entries }) => entries.size),
      order: sum(({ entries }) => entries.orderLength),
      runs: sum(({ cloud }) => cloud.runCount),
      rows: sum(({ log }) => log.rowCount),
      topics: this.tracker.topics.topicCount,
      owners: this.tracker.state.owners.ownerCount,
      waiting: this.delivery.waiting,
    };
  }
}

/** Lets so many come and go on the first of two nodes. Measures the heap after a tenth of them, and at the end. */
function live(joinsAndLeaves: number, given: Partial<TrackerOptions>) {
  const [a, b] = [new Node("a", given), new Node("b", given)];
  let now = 0;
  const heap: number[] = [];
  const pass = (ms: number) => {
    now += ms;
    // The other one first: what it was told before has waited long enough, and is told to its clients by itself.
    b.tick(a, now);
    a.tick(b, now);
  };
  for (const [node, other] of [[a, b] as const, [b, a] as const]) {
    node.tracker.start(now, 0);
    node.settle(other, now);
  }
  pass(2_000);
  const rounds = joinsAndLeaves / 2 / crowd;
  for (let round = 0; round < rounds; round++) {
    const topic = `room:${round % 7}`;
    for (let i = 0; i < crowd; i++) a.tracker.track(round * crowd + i, topic, `user${i}`, { n: i }, now);
    a.settle(b, now);
    pass(1_000);
    for (let i = 0; i < crowd; i++) a.tracker.untrackOwner(round * crowd + i, now);
    a.settle(b, now);
    pass(1_000);
    if (round + 1 !== rounds / 10 && round + 1 !== rounds) continue;
    // What is still held back for clients, and what is told in windows.
    for (let i = 0; i < 3; i++) pass(1_000);
    collect();
    heap.push(process.memoryUsage().heapUsed);
  }
  const [early = 0, late = 0] = heap;
  return { a, b, bytesEach: (late - early) / (0.9 * joinsAndLeaves) };
}

/** Bytes of heap that a join or leave may leave behind: one would be a leak, less is the noise of the heap. */
const bytesEachMax = 1;

describe("presence after a million joins and leaves", () => {
  it("keeps no more than its limits say, on the node where they were and on another", () => {
    const { a, b, bytesEach } = live(1_000_000, { deltaLogMax: 1_000 });
    for (const node of [a, b]) {
      expect(node.joins).toBe(500_000);
      expect(node.leaves).toBe(500_000);
      const { order, rows, ...rest } = node.sizes();
      expect(rest).toEqual({ views: 2, entries: 0, runs: 0, topics: 0, owners: 0, waiting: 0 });
      expect(order).toBeLessThanOrEqual(200);
      expect(rows).toBeLessThanOrEqual(2_000);
    }
    expect(bytesEach).toBeLessThan(bytesEachMax);
  }, 180_000);

  it("is found out where a limit does not hold", () => {
    const { bytesEach } = live(100_000, { deltaLogMax: Number.MAX_SAFE_INTEGER });
    expect(bytesEach).toBeGreaterThan(bytesEachMax);
  });
});

import { describe, expect, test } from "vitest";
import { alone, met, node } from "./cluster.js";
import { rid } from "./support.js";

describe("tracking", () => {
  test("shows at once what was tracked, and tells of it", () => {
    const tracker = alone();
    const result = tracker.track(1, "t", "k", { at: 1 }, 0);
    expect(result).toMatchObject({ ok: true, entry: { ref: "r1", prevRef: undefined, meta: { at: 1 } } });
    expect(tracker.topics.getByKey("t", "k")).toMatchObject([{ ref: "r1", owner: 1 }]);
    const [effect] = tracker.takeEffects();
    expect(effect?.type === "diff" && effect.diff.get("t")).toMatchObject({
      joins: [{ ref: "r1" }],
      leaves: [],
    });
  });

  test("the same owner, topic and key again is refused, and changes nothing", () => {
    const tracker = alone();
    tracker.track(1, "t", "k", {}, 0);
    tracker.takeEffects();
    expect(tracker.track(1, "t", "k", { other: true }, 0)).toEqual({ ok: false, reason: "already_tracked" });
    expect(tracker.takeEffects()).toEqual([]);
    expect(tracker.state.clock).toBe(1);
  });

  test("an owner may have several keys and topics, and several owners one key", () => {
    const tracker = alone();
    for (const [owner, topic, key] of [
      [1, "t", "k"],
      [1, "t", "l"],
      [1, "u", "k"],
      [2, "t", "k"],
    ] as const) {
      expect(tracker.track(owner, topic, key, {}, 0).ok).toBe(true);
    }
    expect(tracker.topics.count("t")).toEqual({ keys: 2, metas: 3 });
    expect(tracker.topics.getByKey("t", "k")).toHaveLength(2);
  });

  test("is refused above each limit, and changes nothing", () => {
    const tracker = alone({ metaBytesMax: 20, keyBytesMax: 4, presencesPerOwnerMax: 2 });
    const reasonOf = (key: string, meta: object) => {
      // What is refused here is what the type of a meta forbids.
      const result = tracker.track(1, "t", key, meta as never, 0);
      return result.ok ? "ok" : result.reason;
    };
    expect(reasonOf("üüü", {})).toBe("key_too_long");
    expect(reasonOf("k", { a: "x".repeat(20) })).toBe("meta_too_large");
    expect(reasonOf("k", { a: () => 1 })).toBe("meta_invalid");
    expect([tracker.state.clock, tracker.takeEffects()]).toEqual([0, []]);
    expect([reasonOf("üü", {}), reasonOf("b", {}), reasonOf("c", {})]).toEqual([
      "ok",
      "ok",
      "too_many_presences",
    ]);
  });

  test("keys and topics like __proto__ work, here and elsewhere", () => {
    const cluster = met(["a", "b"]);
    cluster.track("a", "__proto__", "__proto__");
    cluster.track("a", "constructor", "__proto__");
    cluster.pass(100);
    expect([...node(cluster, "b").tracker.topics.list("__proto__").keys()]).toEqual([
      "__proto__",
      "constructor",
    ]);
  });
});

describe("updating", () => {
  test("replaces the meta under a new ref in one diff, with the ref it replaced", () => {
    const tracker = alone();
    tracker.track(1, "t", "k", { a: 1 }, 0);
    tracker.takeEffects();
    expect(tracker.update(1, "t", "k", { b: 2 }, 0)).toMatchObject({
      ok: true,
      entry: { ref: "r2", prevRef: "r1" },
    });
    expect(tracker.topics.getByKey("t", "k")).toMatchObject([{ meta: { b: 2 } }]);
    const [effect] = tracker.takeEffects();
    expect(effect?.type === "diff" && effect.diff.get("t")).toMatchObject({
      joins: [{ ref: "r2", meta: { b: 2 } }],
      leaves: [{ ref: "r1", meta: { a: 1 } }],
    });
  });

  test("may compute the meta from the entry that is there", () => {
    const tracker = alone();
    tracker.track(1, "t", "k", { n: 1 }, 0);
    tracker.update(1, "t", "k", ({ meta, ref }) => ({ ...meta, after: ref }), 0);
    expect(tracker.topics.getByKey("t", "k")).toMatchObject([{ meta: { n: 1, after: "r1" } }]);
  });

  test("of what is not there is refused, also when the function itself removed it", () => {
    const tracker = alone();
    expect(tracker.update(1, "t", "k", {}, 0)).toEqual({ ok: false, reason: "nopresence" });
    tracker.track(1, "t", "k", {}, 0);
    const removing = () => {
      tracker.untrack(1, "t", "k", 0);
      return {};
    };
    expect(tracker.update(1, "t", "k", removing, 0)).toEqual({ ok: false, reason: "nopresence" });
  });

  test("to a meta that is refused, or with a function that throws, changes nothing", () => {
    const tracker = alone({ metaBytesMax: 20 });
    tracker.track(1, "t", "k", { a: 1 }, 0);
    tracker.takeEffects();
    expect(tracker.update(1, "t", "k", { a: "x".repeat(30) }, 0)).toMatchObject({ reason: "meta_too_large" });
    const throwing = () => {
      throw new Error("mine");
    };
    expect(() => tracker.update(1, "t", "k", throwing, 0)).toThrow("mine");
    expect([tracker.takeEffects(), tracker.state.clock]).toEqual([[], 1]);
  });
});

describe("untracking", () => {
  test("is fine for what is not there", () => {
    const tracker = alone();
    tracker.untrack(1, "t", "k", 0);
    tracker.untrackOwner(1, 0);
    expect(tracker.takeEffects()).toEqual([]);
  });

  test("removes one presence, or all of an owner in one diff", () => {
    const tracker = alone();
    for (const key of ["k", "l", "m"]) tracker.track(1, "t", key, {}, 0);
    tracker.track(2, "t", "k", {}, 0);
    tracker.untrack(1, "t", "l", 0);
    tracker.takeEffects();
    tracker.untrackOwner(1, 0);
    const effects = tracker.takeEffects();
    expect(effects).toHaveLength(1);
    expect(tracker.topics.count("t")).toEqual({ keys: 1, metas: 1 });
  });
});

describe("odd messages", () => {
  test("of another replica with this node's name are ignored and told of", () => {
    const tracker = alone();
    tracker.receive({ type: "heartbeat", from: rid("a", 99), clocks: new Map() }, 1);
    expect(tracker.takeEffects()).toEqual([{ type: "fault", replica: rid("a", 99), fault: "name_conflict" }]);
  });

  test("of this replica itself are ignored, and no goodbye ends it", () => {
    const tracker = alone();
    tracker.track(1, "t", "k", {}, 0);
    tracker.takeEffects();
    tracker.receive({ type: "goodbye", from: rid("a") }, 1);
    tracker.receive({ type: "heartbeat", from: rid("a"), clocks: new Map() }, 1);
    expect([tracker.takeEffects(), tracker.topics.count("t").metas]).toEqual([[], 1]);
  });

  test("that promise more without bringing anything are not asked on for ever", () => {
    const tracker = alone();
    tracker.receive({ type: "transfer", from: rid("b"), fragments: [], more: true }, 1);
    const requests = tracker
      .takeEffects()
      .filter((effect) => effect.type === "send" && effect.message.type === "request");
    expect(requests).toEqual([]);
  });
});

import fc from "fast-check";
import { Presence } from "phoenix";
import { describe, expect, test } from "vitest";
import { Delivery, deliveryDefaults } from "../../../src/core/presence/delivery.js";
import { DiffBuilder } from "../../../src/core/presence/diff.js";
import { defaultPolicy, type TopicPolicy } from "../../../src/core/presence/topic-policy.js";
import {
  presenceCount,
  presenceDiff,
  presenceMeta,
  presenceState,
  withoutRefs,
} from "../../../src/core/protocol/presence.js";
import { check, Set1 } from "./support.js";

describe("presence payloads", () => {
  test("carry each meta with its refs", () => {
    const set = new Set1("a");
    expect(presenceMeta({ ...set.add("k"), meta: { at: 1 } })).toEqual({ at: 1, phx_ref: "a1" });
    expect(presenceMeta(set.replace("k"))).toEqual({ phx_ref: "a2", phx_ref_prev: "a1" });
  });

  test("have the refs of the server, whatever the meta says", () => {
    const entry = { ...new Set1("a").add("k"), meta: { phx_ref: "forged", phx_ref_prev: "forged" } };
    expect(presenceMeta(entry)).toEqual({ phx_ref: "a1" });
    expect(presenceMeta({ ...entry, prevRef: "a0" })).toEqual({ phx_ref: "a1", phx_ref_prev: "a0" });
    expect(withoutRefs({ phx_ref: "x", phx_ref_prev: "y", at: 1 })).toEqual({ at: 1 });
  });

  test("are keyed by key, with every meta of it", () => {
    const set = new Set1("a");
    set.add("k");
    set.add("l");
    set.add("k", "t", "other");
    const state = JSON.parse(JSON.stringify(presenceState(set.state.topics.list("t"))));
    expect(state).toEqual({
      k: { metas: [{ phx_ref: "a1" }, { phx_ref: "a3" }] },
      l: { metas: [{ phx_ref: "a2" }] },
    });
    expect(presenceState(set.state.topics.list("empty"))).toEqual({});
  });

  test("of a diff always have joins and leaves, of the changed metas only", () => {
    const set = new Set1("a");
    const [old, other] = [set.add("k"), set.add("k", "t", "other")];
    const diff = presenceDiff({ joins: [other], leaves: [old] });
    expect(JSON.parse(JSON.stringify(diff))).toEqual({
      joins: { k: { metas: [{ phx_ref: "a2" }] } },
      leaves: { k: { metas: [{ phx_ref: "a1" }] } },
    });
    expect(JSON.stringify(presenceDiff({ joins: [], leaves: [] }))).toBe('{"joins":{},"leaves":{}}');
  });

  test("of a count are keys and metas", () => {
    expect(presenceCount({ keys: 2, metas: 3 })).toEqual({ keys: 2, metas: 3 });
  });

  test("keep keys like __proto__, and metas with such keys", () => {
    const set = new Set1("a");
    const meta = JSON.parse('{"__proto__":1}');
    const entry = { ...set.add("__proto__"), meta };
    const text = JSON.stringify(presenceState(new Map([["__proto__", [entry]]])));
    expect(text).toBe('{"__proto__":{"metas":[{"__proto__":1,"phx_ref":"a1"}]}}');
  });
});

describe("the Presence of phoenix.js", () => {
  const step = fc.record({
    kind: fc.constantFrom("join", "join", "leave", "update", "enter"),
    key: fc.constantFrom("a", "b", "__proto__", "constructor"),
    owner: fc.constantFrom("1", "2"),
    wait: fc.constantFrom(0, 0, 30, 60),
  });
  /** A payload as it comes out of a frame. */
  const sent = (payload: object) => JSON.parse(JSON.stringify(payload));

  test.each<[string, TopicPolicy]>([
    ["every diff", defaultPolicy],
    ["every diff with grace", { ...defaultPolicy, graceMs: 70 }],
    ["coalesced diffs", { mode: "coalesced", windowMs: 50, graceMs: 0 }],
    ["the first few", { mode: "first", first: 2, windowMs: 50, graceMs: 0 }],
  ])("ends with what the server shows, from any moment on (%s)", (_name, policy) => {
    check(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        const set = new Set1("a");
        const delivery = new Delivery({
          index: set.state.topics,
          policyOf: () => policy,
          limits: deliveryDefaults,
        });
        const clients: object[] = [];
        let now = 0;
        const tell = () => {
          for (const { diff } of delivery.takeChanges()) {
            if (diff === undefined) continue;
            const payload = sent(presenceDiff(diff));
            clients.forEach((client, i) => {
              clients[i] = Presence.syncDiff(client, structuredClone(payload));
            });
          }
        };
        const shown = () => sent(presenceState(delivery.stateFor("t").entries ?? new Map()));
        for (const { kind, key, owner, wait } of steps) {
          now += wait;
          delivery.tick(now);
          tell();
          const diff = new DiffBuilder();
          const entry = set.state.owners.get(owner, "t", key);
          const record = { topic: "t", key, ref: `r${set.state.clock}`, bytes: 2, meta: {} };
          if (kind === "enter") clients.push(Presence.syncState(Object.create(null), shown()));
          else if (kind === "join" && entry === undefined) {
            set.state.add(owner, { ...record, prevRef: undefined }, diff);
          } else if (kind === "leave" && entry !== undefined) set.state.remove(owner, entry, diff);
          else if (kind === "update" && entry !== undefined) {
            set.state.replace(owner, entry, { ...record, prevRef: entry.ref }, diff);
          }
          delivery.push(diff.build(), now);
          tell();
        }
        for (const later of [1_000, 2_000]) delivery.tick(now + later);
        tell();
        for (const client of clients) expect(byRef(client)).toEqual(byRef(shown()));
      }),
      100,
    );
  });
});

/** The refs of a presence state under each key. */
function byRef(state: object): Map<string, string[]> {
  const entries: [string, { metas: { phx_ref: string }[] }][] = Object.entries(state);
  return new Map(entries.map(([key, { metas }]) => [key, metas.map((meta) => meta.phx_ref).sort()]));
}

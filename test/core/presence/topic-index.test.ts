import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createEntry, type Entry } from "../../../src/core/presence/entry.js";
import { OwnerIndex } from "../../../src/core/presence/owner-index.js";
import { SortedKeys } from "../../../src/core/presence/sorted-keys.js";
import { TopicIndex } from "../../../src/core/presence/topic-index.js";
import { check, rid } from "./support.js";

let clock = 0;

function entry(key: string, topic = "t"): Entry {
  clock += 1;
  const record = { topic, key, clock, ref: `r${clock}`, prevRef: undefined, bytes: 2, meta: {} };
  return createEntry(record, topic, rid("a"), undefined);
}

function filled(keys: readonly string[]): TopicIndex {
  const index = new TopicIndex();
  for (const key of keys) index.add(entry(key));
  return index;
}

describe("the index of topics", () => {
  test("lists, finds and counts what was added and not removed", () => {
    const step = fc.record({ key: fc.constantFrom("a", "b", "c", "__proto__"), remove: fc.boolean() });
    check(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        const index = new TopicIndex();
        const model = new Map<string, Entry[]>();
        for (const { key, remove } of steps) {
          const list = model.get(key) ?? [];
          const gone = remove ? list.pop() : undefined;
          const added = remove ? undefined : entry(key);
          if (gone !== undefined) index.remove(gone);
          if (added !== undefined) index.add(added);
          if (added !== undefined) list.push(added);
          model.set(key, list);
          if (list.length === 0) model.delete(key);
        }
        expect(new Map(index.list("t"))).toEqual(model);
        for (const [at, list] of model) expect(index.getByKey("t", at)).toEqual(list);
        const metas = [...model.values()].flat().length;
        expect(index.count("t")).toEqual({ keys: model.size, metas });
        expect(index.topicCount).toBe(metas === 0 ? 0 : 1);
      }),
    );
  });

  test("knows nothing of topics and keys that are not there", () => {
    const index = filled(["a"]);
    expect(index.getByKey("t", "z")).toEqual([]);
    expect(index.getByKey("other", "a")).toEqual([]);
    expect(index.list("other").size).toBe(0);
    expect(index.count("other")).toEqual({ keys: 0, metas: 0 });
    expect(index.page("other", { limit: 5 })).toMatchObject({ next: undefined, count: { keys: 0 } });
    index.remove(entry("a"));
    expect(index.count("t")).toEqual({ keys: 1, metas: 1 });
  });

  test("gives the keys that came first", () => {
    const index = filled(["c", "a", "b"]);
    expect([...index.first("t", 2).keys()]).toEqual(["c", "a"]);
  });

  test("keeps the place of a key whose entry is replaced by adding before removing", () => {
    const index = new TopicIndex();
    const old = entry("a");
    for (const each of [old, entry("b"), entry("a")]) index.add(each);
    index.remove(old);
    expect([...index.keys("t")]).toEqual(["a", "b"]);
  });

  test("pages through every key once, in order, whatever the size of the page", () => {
    const keys = Array.from({ length: 1_000 }, (_, i) => `k${i}`);
    const index = filled(keys);
    for (const limit of [1, 7, 1_000, 5_000]) {
      const seen: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = index.page("t", after === undefined ? { limit } : { after, limit });
        expect(page.entries.size).toBeLessThanOrEqual(limit);
        expect(page.count).toEqual({ keys: 1_000, metas: 1_000 });
        seen.push(...page.entries.keys());
        after = page.next;
        if (after === undefined) break;
      }
      expect(seen).toEqual([...keys].sort());
    }
  });

  test("pages have who came, and no gap for who went, since the first of them", () => {
    const index = filled(["a", "c", "e"]);
    index.page("t", { limit: 1 });
    index.add(entry("b"));
    for (const gone of index.getByKey("t", "c")) index.remove(gone);
    const page = index.page("t", { limit: 3 });
    expect([[...page.entries.keys()], page.next]).toEqual([["a", "b", "e"], undefined]);
  });

  test("pages show whoever was there all the time, though others come and go", () => {
    const keys = Array.from({ length: 300 }, (_, i) => `k${i}`);
    const index = filled(keys);
    const seen: string[] = [];
    for (let after: string | undefined, round = 0; ; round++) {
      const page = index.page("t", after === undefined ? { limit: 10 } : { after, limit: 10 });
      seen.push(...page.entries.keys());
      after = page.next;
      if (after === undefined) break;
      index.add(entry(`x${round}`));
      if (after !== undefined) for (const gone of index.getByKey("t", after)) index.remove(gone);
    }
    expect(seen.filter((key) => key.startsWith("k"))).toEqual([...keys].sort());
  });
});

describe("sorted keys", () => {
  test("stay sorted through additions and removals", () => {
    const key = fc.integer({ min: 0, max: 3_000 }).map(String);
    const steps = fc.array(fc.tuple(key, fc.boolean()), { maxLength: 3_000, size: "max" });
    check(
      fc.property(
        fc.uniqueArray(key, { maxLength: 700, size: "max" }),
        steps,
        key,
        (first, changes, from) => {
          const keys = new SortedKeys(first);
          const model = new Set(first);
          for (const [each, remove] of changes) {
            if (remove) keys.delete(each);
            else if (!model.has(each)) keys.add(each);
            if (remove) model.delete(each);
            else model.add(each);
          }
          const sorted = [...model].sort();
          expect(keys.after(undefined, 10_000)).toEqual(sorted);
          expect(keys.after(from, 5)).toEqual(sorted.filter((each) => each > from).slice(0, 5));
        },
      ),
      30,
    );
  });
});

describe("the index of owners", () => {
  test("finds what an owner has by topic and key, also when texts run into each other", () => {
    const index = new OwnerIndex();
    const entries = [entry("c", "ab"), entry("bc", "a"), entry("abc", ""), entry("__proto__", "a")];
    for (const each of entries) index.set("o", each);
    for (const each of entries) expect(index.get("o", each.topic, each.key)).toBe(each);
    expect(index.of("o")).toEqual(entries);
    expect(index.countOf("o")).toBe(4);
    expect(index.get("o", "b", "c")).toBeUndefined();
  });

  test("keeps owners apart, and forgets those without entries", () => {
    const index = new OwnerIndex();
    const [a, b] = [entry("k"), entry("k")];
    index.set(1, a);
    index.set("1", b);
    expect([index.get(1, "t", "k"), index.get("1", "t", "k")]).toEqual([a, b]);
    index.delete(1, a);
    index.delete("1", a);
    expect([index.countOf(1), index.countOf("1"), index.ownerCount]).toEqual([0, 1, 1]);
    const more = entry("l");
    index.set("1", more);
    index.delete("1", b);
    index.delete("1", more);
    expect([index.of("1"), index.ownerCount]).toEqual([[], 0]);
  });
});

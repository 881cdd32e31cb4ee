import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DIGEST_PARTS,
  type Revocable,
  type RevocationEntry,
  RevocationTable,
} from "../../../src/core/auth/revocation-table.js";

const NOW_S = 1_000;
const all = Array.from({ length: DIGEST_PARTS }, (_, part) => part);

const create = (entriesMax = 1_000) => new RevocationTable({ entriesMax, lifetimeMaxS: 500 });

function tableOf(entries: readonly RevocationEntry[], entriesMax?: number): RevocationTable {
  const table = create(entriesMax);
  for (const entry of entries) table.add(entry, NOW_S);
  return table;
}

/** What two tables that say the same say alike. */
function said(table: RevocationTable) {
  const entries = table.entriesOf(all).map(({ key, issuedBeforeS }) => `${key} ${issuedBeforeS}`);
  return { entries: entries.sort(), digest: table.digest(), size: table.size };
}

/** As nodes do it: everything that each has, to a third. */
function merged(tables: readonly RevocationTable[], entriesMax?: number): RevocationTable {
  const target = create(entriesMax);
  for (const table of tables) {
    target.addEveryone(table.everyoneBeforeS);
    for (const entry of table.entriesOf(all)) target.add(entry, NOW_S);
  }
  return target;
}

const token = (about: Partial<Revocable>): Revocable => ({
  subject: "ada",
  tokenId: "t1",
  issuedAtS: 900,
  socketId: "user:ada",
  ...about,
});

describe("a table of revocations", () => {
  it.each<[RevocationEntry, Partial<Revocable>, boolean]>([
    [{ key: "user:ada", issuedBeforeS: 901 }, {}, true],
    [{ key: "user:ada", issuedBeforeS: 900 }, {}, false],
    [{ key: "user:ada", issuedBeforeS: 901 }, { subject: "grace" }, false],
    [{ key: "user:ada", issuedBeforeS: 901 }, { issuedAtS: undefined }, true],
    [{ key: "user:undefined", issuedBeforeS: 901 }, { subject: undefined }, false],
    [{ key: "socket:user:ada", issuedBeforeS: 901 }, {}, true],
    [{ key: "socket:user:ada", issuedBeforeS: 900 }, {}, false],
    [{ key: "socket:ada", issuedBeforeS: 901 }, {}, false],
    [{ key: "socket:ada", issuedBeforeS: 901 }, { socketId: undefined }, false],
    [{ key: "token:t1", issuedBeforeS: 901 }, {}, true],
    [{ key: "token:t1", issuedBeforeS: 800 }, {}, true],
    [{ key: "token:t1", issuedBeforeS: 901 }, { tokenId: "t2" }, false],
    [{ key: "nothing:ada", issuedBeforeS: 901 }, {}, false],
  ])("%j revokes %j: %s", (entry, about, revoked) => {
    expect(tableOf([entry]).revokes(token(about))).toBe(revoked);
  });

  it("revokes nothing as long as nothing was revoked", () => {
    for (const issuedAtS of [undefined, Number.NaN, -1, 0, 900])
      expect(create().revokes(token({ issuedAtS }))).toBe(false);
  });

  it("revokes everybody's tokens issued before a time", () => {
    const table = create();
    expect(table.addEveryone(900)).toBe(true);
    expect(table.addEveryone(900)).toBe(false);
    expect(table.revokes(token({ issuedAtS: 899 }))).toBe(true);
    expect(table.revokes(token({ issuedAtS: 900 }))).toBe(false);
    for (const issuedAtS of [undefined, Number.NaN, -1])
      expect(table.revokes(token({ issuedAtS }))).toBe(true);
  });

  it("forgets an entry when every token that it revokes has expired, not a second earlier", () => {
    const table = tableOf([{ key: "user:ada", issuedBeforeS: 901 }]);
    table.prune(1_400);
    expect(table.size).toBe(1);
    table.prune(1_401);
    expect(said(table)).toEqual(said(create()));
    expect(table.add({ key: "user:ada", issuedBeforeS: 901 }, 1_401)).toBe(false);
  });

  it("at its limit revokes all that is as old as its oldest, and says how many", () => {
    const entries = [901, 902, 902, 903, 904].map((issuedBeforeS, i) => ({
      key: `user:${i}`,
      issuedBeforeS,
    }));
    const table = tableOf(entries, 3);
    expect(table.size).toBe(2);
    expect(table.folded).toBe(3);
    expect(table.everyoneBeforeS).toBe(902);
    for (const { key, issuedBeforeS } of entries)
      expect(table.revokes(token({ subject: key.slice(5), issuedAtS: issuedBeforeS - 1 }))).toBe(true);
    expect(table.revokes(token({ subject: "grace", issuedAtS: 902 }))).toBe(false);
  });

  it("finds the parts in which another differs", () => {
    const one = tableOf([{ key: "user:ada", issuedBeforeS: 901 }]);
    const other = tableOf([{ key: "user:ada", issuedBeforeS: 902 }]);
    const parts = one.differences(other.digest());
    expect(parts).toHaveLength(1);
    expect(other.entriesOf(parts)).toEqual([{ key: "user:ada", issuedBeforeS: 902 }]);
    expect(one.differences(one.digest())).toEqual([]);
  });
});

describe("what nodes tell each other of revocations", () => {
  const entry = fc.record({
    key: fc.constantFrom("user:a", "user:b", "user:c", "socket:a", "socket:b", "token:a", "token:b"),
    issuedBeforeS: fc.integer({ min: 900, max: 910 }),
  });
  const entries = fc.array(entry, { maxLength: 20 });
  const limit = fc.integer({ min: 1, max: 8 });

  it("comes to the same in any order, as often as it comes", () => {
    fc.assert(
      fc.property(entries, fc.infiniteStream(fc.nat()), limit, (told, numbers, max) => {
        const order = [...told, ...told].map((one) => ({ one, at: numbers.next().value ?? 0 }));
        const shuffled = order.sort((a, b) => a.at - b.at).map(({ one }) => one);
        expect(said(tableOf(shuffled, max))).toEqual(said(tableOf(told, max)));
      }),
    );
  });

  it("comes to the same whoever told whom first, also at the limit", () => {
    fc.assert(
      fc.property(entries, entries, entries, limit, (a, b, c, max) => {
        const [x, y, z] = [tableOf(a, max), tableOf(b, max), tableOf(c, max)];
        const straight = said(tableOf([...a, ...b, ...c], max));
        expect(said(merged([merged([x, y], max), z], max))).toEqual(straight);
        expect(said(merged([x, merged([z, y], max)], max))).toEqual(straight);
      }),
    );
  });

  it("never lets in what one of them has revoked", () => {
    const shown = fc.record({
      subject: fc.constantFrom("a", "b", "c"),
      socketId: fc.constantFrom("a", "b", undefined),
      tokenId: fc.constantFrom("a", "b", undefined),
      issuedAtS: fc.option(fc.integer({ min: 890, max: 912 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(entries, limit, shown, (told, max, revocable) => {
        // Of tokens that are named, those which were there when they were.
        const known = told.filter(
          ({ key, issuedBeforeS }) => !key.startsWith("token:") || (revocable.issuedAtS ?? 0) < issuedBeforeS,
        );
        if (tableOf(known).revokes(revocable)) expect(tableOf(told, max).revokes(revocable)).toBe(true);
      }),
    );
  });
});

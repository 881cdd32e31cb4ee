import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  compilePermissions,
  type PermissionTable,
  permissionLimits,
  policyTable,
} from "../../../src/core/auth/permissions.js";

function table(permissions: unknown): PermissionTable {
  const compiled = compilePermissions(permissions);
  if (!compiled.ok) throw new Error(compiled.fault);
  return compiled.table;
}

function fault(permissions: unknown): string | undefined {
  const compiled = compilePermissions(permissions);
  return compiled.ok ? undefined : compiled.fault;
}

/** One row: permissions, topic, what it may. */
const grants: readonly (readonly [what: object, topic: string, may: string])[] = [
  [{}, "room:1", ""],
  [{ "room:*": [] }, "room:1", ""],
  [{ "room:1": ["join"] }, "room:1", "join"],
  [{ "room:1": ["join"] }, "room:12", ""],
  [{ "room:1": ["join"] }, "room:", ""],
  [{ "room:*": ["join"] }, "room:", "join"],
  [{ "room:*": ["join"] }, "room:a:b", "join"],
  [{ "room:*": ["join"] }, "Room:1", ""],
  [{ "*": ["join"] }, "anything", "join"],
  [{ "room:*": ["*"] }, "room:1", "join presence push:msg push:typing_on"],
  [{ "room:*": ["push"] }, "room:1", "push:msg push:typing_on"],
  [{ "room:*": ["push:*"] }, "room:1", "push:msg push:typing_on"],
  [{ "room:*": ["push:typing*"] }, "room:1", "push:typing_on"],
  [{ "room:*": ["push:msg"] }, "room:1", "push:msg"],
  [{ "room:*": ["join"], "room:1": ["presence"], "*": ["push:msg"] }, "room:1", "join presence push:msg"],
  [{ "room:*": ["join"], "room:1": ["presence"] }, "room:2", "join"],
  [{ __proto__: null, constructor: ["join"] }, "constructor", "join"],
];

describe("permissions of a topic", () => {
  it.each(grants)("%j on %s: %s", (permissions, topic, may) => {
    const { mayJoin, mayTrack, mayPush } = table(permissions).forTopic(topic);
    const events = ["msg", "typing_on"].filter((event) => mayPush(event)).map((event) => `push:${event}`);
    expect([...(mayJoin ? ["join"] : []), ...(mayTrack ? ["presence"] : []), ...events].join(" ")).toBe(may);
  });

  it("do not come from names that every object has", () => {
    for (const topic of ["__proto__", "constructor", "toString"]) {
      const { mayJoin, mayPush } = table({}).forTopic(topic);
      expect([mayJoin, mayPush("__proto__"), mayPush("constructor")]).toEqual([false, false, false]);
    }
  });

  it.each([
    [undefined],
    [null],
    ["room:*"],
    [["room:*"]],
    [{ "room:*": "join" }],
    [{ "room:*": { join: true } }],
    [{ "room:*": [1] }],
    [{ "room:*": ["Join"] }],
    [{ "room:*": ["push:"] }],
    [{ "room:*": ["push:a*b"] }],
    [{ "ro*m": ["join"] }],
    [{ "": ["join"] }],
    [{ ["x".repeat(permissionLimits.patternLengthMax + 1)]: ["join"] }],
    [{ "room:*": [`push:${"x".repeat(permissionLimits.patternLengthMax + 1)}`] }],
    [{ "room:*": Array.from({ length: permissionLimits.perTopicMax + 1 }, () => "join") }],
    [
      Object.fromEntries(
        Array.from({ length: permissionLimits.topicsMax + 1 }, (_, i) => [`t${i}`, ["join"]]),
      ),
    ],
  ])("are all refused when one is wrong: %j", (permissions) => {
    expect(fault(permissions)).toMatch(/./);
  });

  it("are refused without a word of theirs, which would get into logs", () => {
    expect(fault({ ok: ["*"], "secret*x": ["*"] })).toBe("topic 2: `*` may only be the last character");
    expect(fault({ secret: ["secret"] })).not.toContain("secret");
  });

  it("are refused without a throw, whatever comes", () => {
    fc.assert(fc.property(fc.anything(), (value) => void compilePermissions(value)));
  });

  it("only grow with more of them", () => {
    const permission = fc.constantFrom("join", "push", "push:a", "push:a*", "presence", "*");
    const topics = fc.constantFrom("room:1", "room:*", "room:12", "*", "r*");
    const some = fc.dictionary(topics, fc.array(permission, { maxLength: 3 }));
    fc.assert(
      fc.property(some, some, fc.constantFrom("room:1", "room:12", "x"), (first, second, topic) => {
        const both: Record<string, string[]> = { ...first };
        for (const [pattern, list] of Object.entries(second))
          both[pattern] = [...(first[pattern] ?? []), ...list];
        const may = (permissions: object) => {
          const { mayJoin, mayTrack, mayPush } = table(permissions).forTopic(topic);
          return [mayJoin, mayTrack, mayPush("a"), mayPush("ab"), mayPush("b")];
        };
        const [one, other] = [may(first), may(second)];
        expect(may(both)).toEqual(one.map((granted, i) => granted || other[i]));
      }),
    );
  });
});

describe("a policy function", () => {
  it("is asked for every action, and only true grants", () => {
    const asked: unknown[] = [];
    const policy = policyTable((question) => {
      asked.push(question);
      // What an application without types may answer.
      return (question.action === "join" ? true : 1) as boolean;
    });
    const { mayJoin, mayTrack, mayPush } = policy.forTopic("room:1");
    expect([mayJoin, mayTrack, mayPush("msg")]).toEqual([true, false, false]);
    expect(asked).toEqual([
      { action: "join", topic: "room:1", event: undefined },
      { action: "presence", topic: "room:1", event: undefined },
      { action: "push", topic: "room:1", event: "msg" },
    ]);
  });

  it("denies when it throws", () => {
    const policy = policyTable(() => {
      throw new Error("no database");
    });
    expect(policy.forTopic("room:1").mayPush("msg")).toBe(false);
  });
});

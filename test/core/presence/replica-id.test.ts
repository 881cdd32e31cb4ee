import { describe, expect, test } from "vitest";
import { isLater, nameOf, parseReplicaId, replicaId } from "../../../src/core/presence/replica-id.js";
import { rid } from "./support.js";

describe("a replica id", () => {
  test("keeps the name of the node, whatever it looks like", () => {
    for (const name of ["n1", "n1@127.0.0.1", "a@b@c", "__proto__", "é"])
      expect(nameOf(rid(name))).toBe(name);
  });

  test("is read back from its own text only", () => {
    expect(parseReplicaId(rid("n1"))).toBe(rid("n1"));
    for (const bad of [
      1,
      null,
      "",
      "n1",
      "@n1",
      "x@n1",
      "x-@n1",
      "x-1@",
      "X-1@n",
      `1-1@${"n".repeat(600)}`,
    ]) {
      expect(parseReplicaId(bad)).toBeUndefined();
    }
    expect(replicaId("", 1, "s")).toBeUndefined();
    expect(replicaId("n", 1, "s@")).toBeUndefined();
  });

  test("of a later start is later, and the salt breaks a tie", () => {
    const at = (startedAtMs: number, salt: string) => {
      const id = replicaId("n", startedAtMs, salt);
      if (id === undefined) throw new Error("no id");
      return id;
    };
    expect(isLater(at(Date.UTC(2030, 1), "a"), at(Date.UTC(2001, 1), "z"))).toBe(true);
    expect(isLater(at(36 ** 8, "a"), at(36 ** 8 - 1, "a"))).toBe(true);
    expect([isLater(at(5, "b"), at(5, "a")), isLater(at(5, "a"), at(5, "b"))]).toEqual([true, false]);
    expect(isLater(at(5, "a"), at(5, "a"))).toBe(false);
  });
});

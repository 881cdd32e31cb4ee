import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileRoutes, patternFault } from "../../../src/core/socket/routes.js";

/** The rule said plainly: the first declared pattern that matches. */
function matchPlainly(patterns: readonly string[], topic: string): number | undefined {
  const matches = (pattern: string) =>
    pattern.endsWith("*") ? topic.startsWith(pattern.slice(0, -1)) : topic === pattern;
  return patterns.flatMap((pattern, i) => (matches(pattern) ? [i] : []))[0];
}

describe("routing topics", () => {
  const routes = compileRoutes([
    ["room:lobby", "lobby"],
    ["room:*", "room"],
    ["room:late", "never"],
    ["exact", "exact"],
    ["*", "rest"],
  ]);

  it.each([
    ["room:lobby", "lobby"],
    ["room:lobby2", "room"],
    ["room:", "room"],
    ["room:late", "room"],
    ["exact", "exact"],
    ["exact2", "rest"],
    ["", "rest"],
  ])("%j goes to %s", (topic, wanted) => {
    expect(routes.match(topic)).toBe(wanted);
  });

  it("finds nothing for a topic that no pattern matches", () => {
    const some = compileRoutes([["a:*", 1]]);
    expect(some.match("a")).toBeUndefined();
    expect(some.match("b:1")).toBeUndefined();
  });

  it("takes the first declared match, whatever is declared", () => {
    const word = fc.array(fc.constantFrom("a", "b", ":"), { maxLength: 4 }).map((all) => all.join(""));
    const pattern = fc.oneof(
      word,
      word.map((one) => `${one}*`),
    );
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 8 }), word, (patterns, topic) => {
        const compiled = compileRoutes(patterns.map((one, i) => [one, i] as const));
        expect(compiled.match(topic)).toBe(matchPlainly(patterns, topic));
      }),
    );
  });

  it.each(["", "a*b", "*a", "**"])("finds fault with the pattern %j", (pattern) => {
    expect(patternFault(pattern)).toBeDefined();
  });

  it.each(["*", "a*", "room:*", "a"])("finds no fault with the pattern %j", (pattern) => {
    expect(patternFault(pattern)).toBeUndefined();
  });
});

import { describe, expect, it } from "vitest";
import { policyDefaults } from "../../../src/core/autoscale/policy.js";
import { readPolicy } from "../../../src/core/autoscale/read-policy.js";

describe("reading a policy", () => {
  it("gives the defaults for nothing", () => {
    expect(readPolicy({})).toEqual({ ok: true, policy: policyDefaults });
  });

  it("fills in what is left out, field by field", () => {
    const found = readPolicy({
      maxNodes: 6,
      scaleIn: { coolDownMs: 5 },
      signals: { connections: { target: 0.5 } },
    });
    expect(found).toEqual({
      ok: true,
      policy: {
        ...policyDefaults,
        maxNodes: 6,
        scaleIn: { ...policyDefaults.scaleIn, coolDownMs: 5 },
        signals: { connections: { capacity: 10_000, target: 0.5 } },
      },
    });
  });

  it.each([
    ["policy", []],
    ["policy", null],
    ["minNodes", { minNodes: 0 }],
    ["maxNodes", { maxNodes: "6" }],
    ["maxNodes", { minNodes: 5, maxNodes: 4 }],
    ["minNodes", { minNodes: 1.5 }],
    ["tolerance", { tolerance: Number.NaN }],
    ["spare", { spare: 1 }],
    ["__proto__", JSON.parse('{"__proto__": {"minNodes": 3}}')],
    ["signals", { signals: {} }],
    ["signals", { signals: 7 }],
    ["signals.cpu", { signals: { cpu: { target: 0.5 } } }],
    ["signals.rssBytes.capacity", { signals: { rssBytes: { target: 0.5 } } }],
    ["signals.connections.target", { signals: { connections: { target: 70 } } }],
    ["signals.connections", { signals: { connections: 5_000 } }],
    ["scaleOut.stepNodes", { scaleOut: { stepNodes: 0 } }],
    ["scaleIn.stabilisationMs", { scaleIn: { stabilisationMs: Number.POSITIVE_INFINITY } }],
    ["scaleIn", { scaleIn: "slow" }],
  ])("names %s when it is wrong", (field, given) => {
    const found = readPolicy(given);
    expect(found.ok ? [] : found.problems.map((problem) => problem.field)).toContain(field);
  });

  it("names everything that is wrong, not the first thing only", () => {
    const found = readPolicy({ minNodes: -1, scaleOut: { stepNodes: 0 } });
    expect(found).toMatchObject({
      ok: false,
      problems: [{ field: "minNodes" }, { field: "scaleOut.stepNodes" }],
    });
  });
});

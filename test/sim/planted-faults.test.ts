import { describe, expect, it } from "vitest";
import type { Scenario } from "../../src/testing/simulator/scenario.js";
import { simulate } from "../../src/testing/simulator/simulate.js";
import { simulatedMesh } from "../support/simulated-mesh.js";
import type { Spoiling } from "../support/spoiled-adapter.js";
import { oneIn, spoiledAdapter } from "../support/spoiled-adapter.js";

type Parting = Parameters<Parameters<NonNullable<Spoiling["deliver"]>>[0]>;

function reordering(): Spoiling {
  let kept: Parting | undefined;
  const now = oneIn(20);
  return {
    deliver: (deliver) => (topic, data) => {
      if (kept === undefined && now()) {
        kept = [topic, data];
        return;
      }
      deliver(topic, data);
      if (kept !== undefined) deliver(...kept);
      kept = undefined;
    },
  };
}

/** Each fault, planted anew on every node, and what the simulator must say. */
const planted: readonly (readonly [name: string, spoiling: () => Spoiling, finding: RegExp])[] = [
  [
    "delivers a message twice",
    () => {
      const now = oneIn(30);
      return {
        deliver: (deliver) => (topic, data) => {
          deliver(topic, data);
          if (now()) deliver(topic, data);
        },
      };
    },
    /arrived twice/,
  ],
  ["delivers two messages in the wrong order", reordering, /arrived behind|never reached/],
  [
    "loses a message at its publisher",
    () => {
      const now = oneIn(50);
      return { publishes: () => !now() };
    },
    /never reached/,
  ],
  [
    "loses a message at its receiver",
    () => {
      const now = oneIn(50);
      return { deliver: (deliver) => (topic, data) => (now() ? undefined : deliver(topic, data)) };
    },
    /never reached/,
  ],
  [
    "forgets that a topic is wanted",
    () => {
      const now = oneIn(4);
      return { subscribes: () => !now() };
    },
    /never reached/,
  ],
  [
    "reports a node twice",
    () => ({
      changed: (changed) => (event) => {
        changed(event);
        if (event.type === "node_up") changed(event);
      },
    }),
    /which was up/,
  ],
  [
    "reports the loss of a node that was not there",
    () => ({
      changed: (changed) => (event) => {
        if (event.type === "node_up") changed({ type: "node_down", node: event.node, reason: "planted" });
        changed(event);
      },
    }),
    /which was not up/,
  ],
  ["lists fewer nodes than it reported", () => ({ nodes: (nodes) => nodes.slice(1) }), /nodes\(\) lists/],
  ["goes on after its stop", () => ({ stops: () => false }), /is stopped and has/],
  [
    "hands over what nobody published",
    () => ({
      deliver: (deliver) => (topic, data) => deliver(`${topic}!`, data),
    }),
    /was never published/,
  ],
];

const scenario: Partial<Scenario> = { nodes: 3, faults: [], faultPhaseMs: 5_000 };

describe("the simulator finds an engine out that", () => {
  it.each(planted)("%s", async (_name, spoiling, finding) => {
    const engine = simulatedMesh((adapter) => spoiledAdapter(adapter, spoiling()));
    const result = await simulate({ seed: 11, engine, scenario });
    expect(result.violation).toMatch(finding);
    // And the same again, as whoever has the seed must be able to see it.
    const again = await simulate({ seed: 11, engine, scenario });
    expect([again.violation, again.steps, again.hash]).toEqual([result.violation, result.steps, result.hash]);
  });

  it("does nothing wrong: the same runs without a planted fault find nothing", async () => {
    const result = await simulate({ seed: 11, engine: simulatedMesh(), scenario });
    expect(result.violation).toBeUndefined();
  });
});

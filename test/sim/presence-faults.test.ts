import { describe, expect, it } from "vitest";
import { NodePresence, type PresenceContext } from "../../src/runtime/presence/node-presence.js";
import type { PresenceSettings } from "../../src/runtime/presence/settings.js";
import type { PresencePlan } from "../../src/testing/simulator/presence/plan.js";
import type { CreatePresence } from "../../src/testing/simulator/presence/presence-world.js";
import type { Scenario } from "../../src/testing/simulator/scenario.js";
import { simulate } from "../../src/testing/simulator/simulate.js";
import { simulatedMesh } from "../support/simulated-mesh.js";
import { oneIn } from "../support/spoiled-adapter.js";

/** The same object, with some of its methods replaced. */
function replacing<T extends object>(target: T, replaced: Partial<T>): T {
  return new Proxy(target, {
    get: (_target, name) => {
      const value: unknown = Reflect.get(Object.hasOwn(replaced, name) ? replaced : target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

interface Diff {
  readonly joins: object;
  readonly leaves: object;
}

/** Stands between presence and its clients: sends what `spoil` makes of each diff. */
function spoiledDiffs(spoil: () => (diff: Diff) => readonly Diff[]): CreatePresence {
  return (settings, context) => {
    const { pubsub } = context;
    const diffs = spoil();
    const localBroadcast: typeof pubsub.localBroadcast = (topic, event, payload) => {
      const told = event === "presence_diff" ? diffs(payload as Diff) : [payload];
      for (const one of told) pubsub.localBroadcast(topic, event, one);
    };
    return new NodePresence(settings, { ...context, pubsub: replacing(pubsub, { localBroadcast }) });
  };
}

/** Stands between trackers: says whether a message may go. */
function spoiledMessages(passes: (topic: string, bytes: Uint8Array) => boolean): CreatePresence {
  return (settings, context) => {
    const { pubsub } = context;
    const broadcast: typeof pubsub.broadcast = (topic, event, payload, from) => {
      if (passes(topic, payload as Uint8Array)) pubsub.broadcast(topic, event, payload, from);
    };
    return new NodePresence(settings, { ...context, pubsub: replacing(pubsub, { broadcast }) });
  };
}

function spoiledTracker(tracker: Partial<PresenceSettings["tracker"]>): CreatePresence {
  return (settings, context) =>
    new NodePresence({ ...settings, tracker: { ...settings.tracker, ...tracker } }, context);
}

function spoiledNode(spoil: (node: NodePresence) => Partial<NodePresence>): CreatePresence {
  return (settings: PresenceSettings, context: PresenceContext) => {
    const node = new NodePresence(settings, context);
    return replacing(node, spoil(node));
  };
}

interface Planted {
  readonly name: string;
  readonly create: CreatePresence;
  readonly finding: RegExp;
  readonly scenario?: Partial<Scenario>;
  readonly presence?: Partial<PresencePlan>;
}

const never = 100_000_000;
const kills: Partial<Scenario> = { faults: ["kill", "dark"], faultEveryMs: 3_000, faultPhaseMs: 20_000 };

const planted: readonly Planted[] = [
  {
    name: "tells clients a join twice",
    create: spoiledDiffs(() => {
      const now = oneIn(20);
      return (diff) => (now() ? [diff, { joins: diff.joins, leaves: {} }] : [diff]);
    }),
    finding: /a second join of/,
  },
  {
    name: "tells clients a leave of somebody who is gone already",
    create: spoiledDiffs(() => {
      const now = oneIn(20);
      return (diff) => (now() ? [diff, { joins: {}, leaves: diff.leaves }] : [diff]);
    }),
    finding: /a leave of .*, which was not there/,
  },
  {
    name: "forgets to tell clients a join",
    create: spoiledDiffs(() => {
      const now = oneIn(10);
      return (diff) => (now() ? [] : [diff]);
    }),
    finding: /which was not there|knows \d+ presences/,
  },
  {
    name: "tells an update as a join, and the leave apart from it",
    create: spoiledDiffs(() => ({ joins, leaves }) => [
      { joins, leaves: {} },
      { joins: {}, leaves },
    ]),
    finding: /takes the place of .*, which does not leave/,
  },
  {
    name: "never asks for what was lost",
    create: spoiledMessages((topic) => !/_shard\d+:/.test(topic)),
    finding: /does not list|no agreement/,
    scenario: { faults: ["break", "partition"], faultEveryMs: 400 },
  },
  {
    name: "goes on showing nodes that are down",
    create: spoiledTracker({ downPeriodMs: never, lostPeriodMs: never, permdownPeriodMs: 2 * never }),
    finding: /which must be hidden/,
    scenario: kills,
  },
  {
    name: "hides nodes that are not down",
    create: spoiledTracker({ downPeriodMs: 400 }),
    finding: /does not list|no agreement/,
  },
  {
    name: "never forgets nodes that are gone for good",
    create: spoiledTracker({ permdownPeriodMs: never }),
    finding: /other trackers, and heard/,
    scenario: kills,
  },
  {
    name: "leaves without a word",
    create: (settings, context) => {
      let leaving = false;
      const node = spoiledMessages(() => !leaving)(settings, context);
      const stop = (): void => {
        leaving = true;
        node.stop();
      };
      return replacing(node, { stop });
    },
    finding: /which took leave/,
    scenario: { faults: ["stop"], faultEveryMs: 8_000, faultPhaseMs: 24_000 },
    presence: { lostPeriodMs: 5_000, downPeriodMs: 6_000, permdownPeriodMs: 8_000 },
  },
  {
    name: "does not list everybody",
    create: spoiledNode((node) => ({
      list: (topic) => new Map([...node.list(topic)].slice(1)),
    })),
    finding: /and lists others|does not list its own/,
  },
  {
    name: "does not take back what ended",
    create: spoiledNode(() => ({ untrack: () => {} })),
    finding: /still listed after it was taken back/,
  },
  {
    name: "counts wrongly",
    create: spoiledNode((node) => ({
      count: (topic) => ({ ...node.count(topic), keys: node.count(topic).keys + 1 }),
    })),
    finding: /counts \d+ keys/,
  },
];

const scenario: Partial<Scenario> = { nodes: 3, dialAll: true, faults: [], faultPhaseMs: 5_000 };
const presence: Partial<PresencePlan> = {
  mode: { mode: "every" },
  fetchMs: undefined,
  deedEveryMs: 40,
  broadcastPeriodMs: 200,
  maxSilentPeriods: 4,
  downPeriodMs: 1_600,
  permdownPeriodMs: 3_000,
  lostPeriodMs: 500,
  transferTimeoutMs: 300,
};

const optionsOf = (planted: Pick<Planted, "scenario" | "presence">) => ({
  seed: 11,
  engine: simulatedMesh(),
  scenario: { ...scenario, ...planted.scenario },
  presence: { ...presence, ...planted.presence },
});

describe("the simulator finds a presence out that", () => {
  it.each(planted)("$name", async ({ create: createPresence, finding, ...own }) => {
    const result = await simulate({ ...optionsOf(own), createPresence });
    expect(result.violation).toMatch(finding);
  });

  const courses = new Map(planted.map((one) => [JSON.stringify(one.scenario ?? {}), one]));
  it.each([...courses])(
    "does nothing wrong: without a planted fault it finds nothing (%s)",
    async (_, own) => {
      expect((await simulate(optionsOf(own))).violation).toBeUndefined();
    },
  );
});

import { bindPubSubContract, ContractBreach, pubsubContract } from "simurgh/testing";
import { describe, expect, it } from "vitest";
import { type HubFault, hubEngine } from "../support/hub-engine.js";
import { localEngine, meshEngine } from "../support/pubsub-engines.js";

describe.each([localEngine, meshEngine, hubEngine()])("the $engine engine", (engine) => {
  const { bound, unbound } = bindPubSubContract(engine);

  it.each(bound)("$name", (one) => one.run());

  it("gives a reason for every promise that does not bind it", () => {
    expect(bound.length + unbound.length).toBe(pubsubContract.length);
    for (const { reason } of unbound) expect(reason).not.toBe("");
  });
});

/** Each planted fault, and a case that finds it. */
const planted: readonly [HubFault, string][] = [
  ["loses", "delivers exactly once while all is stable: 10,000 messages over five nodes"],
  ["duplicates", "delivers exactly once while all is stable: 10,000 messages over five nodes"],
  ["reorders", "keeps the order of each publisher"],
  ["delivers to self", "never delivers a message to the node that published it"],
  ["ignores interest", "does not deliver to nodes or topics without subscribers"],
  ["answers subscribe early", "reaches a node from the moment that its subscribe has resolved, every time"],
  ["keeps interest", "stops delivering after unsubscribe"],
  ["truncates", "carries bytes unchanged: none, one, every value, JSON, a mebibyte"],
  ["reuses its buffer", "leaves delivered bytes alone: what a receiver keeps does not change later"],
  ["treats topics as patterns", "takes topics with any characters, and mixes none of them up"],
  ["has no limit", "refuses a payload that is too large at the sender, with payload_too_large, and goes on"],
  ["hides a leaving", "lists the nodes that are reachable, and reports who comes and who leaves"],
  ["chokes on a second stop", "stops twice without harm"],
  ["stays healthy", "is healthy from start to stop"],
];

describe("the suite finds an engine that", () => {
  it.each(planted)("%s", async (fault, name) => {
    // A fault that makes a message miss shows only when waiting for it ends: by a clock whose hours are seconds.
    const engine = hubEngine(fault);
    const { clock } = engine;
    const hasty = { ...clock, monotonic: () => clock.monotonic() * 20 };
    const { bound } = bindPubSubContract({ ...engine, clock: hasty });
    const named = bound.filter((one) => one.name === name);
    expect(named).toHaveLength(1);
    const [outcome] = await Promise.allSettled(named.map((one) => one.run()));
    const type = fault === "chokes on a second stop" ? Error : ContractBreach;
    expect(outcome).toEqual({ status: "rejected", reason: expect.any(type) });
  });
});

import { bindDiscoveryContract, ContractBreach, discoveryContract } from "simurgh/testing";
import { describe, expect, it } from "vitest";
import {
  dnsUnderTest,
  fileUnderTest,
  gossipUnderTest,
  staticUnderTest,
} from "../support/discovery-worlds.js";
import { type DiscoveryFault, fakeDiscoveryUnderTest } from "../support/fake-discovery.js";

const strategies = [
  ["static", staticUnderTest],
  ["gossip by multicast", gossipUnderTest({})],
  [
    "gossip by broadcast, plain",
    gossipUnderTest({ multicast: false, broadcast: "127.255.255.255", secret: false }),
  ],
  ["dns by addresses", dnsUnderTest("addresses")],
  ["dns by services", dnsUnderTest("services")],
  ["file in JSON", fileUnderTest("json")],
  ["file in YAML", fileUnderTest("yaml")],
  ["fake", fakeDiscoveryUnderTest()],
] as const;

describe.each(strategies)("discovery: %s", (_name, under) => {
  const { bound, unbound } = bindDiscoveryContract(under);

  it.each(bound)("$name", (one) => one.run());

  it("gives a reason for every promise that does not bind it", () => {
    expect(bound.length + unbound.length).toBe(discoveryContract.length);
    for (const { reason } of unbound) expect(reason).not.toBe("");
  });
});

/** Each planted fault, and a case that finds it. */
const planted: readonly [DiscoveryFault, string][] = [
  ["repeats an address", "sees who is there, each once, with an address that can be dialled"],
  [
    "gives a port that cannot be dialled",
    "sees who is there, each once, with an address that can be dialled",
  ],
  ["has an odd name", "has a kind of lower-case letters, and numbers with names in snake_case"],
  ["looks once only", "sees who comes and who goes"],
  ["takes a failure for nobody", "reports a look that failed as failed, never as an empty view, and goes on"],
  ["waits for the first answer", "does not wait for the first answer when it starts, and finds it later"],
  ["believes nonsense", "survives nonsense: who was seen is still seen, or the look is reported as failed"],
  ["speaks after its stop", "says nothing once its stop is called"],
  ["chokes on a second stop", "stops before its start and twice, and starts again"],
  ["starts only once", "stops before its start and twice, and starts again"],
];

describe("the suite finds a strategy that", () => {
  it.each(planted)("%s", async (fault, name) => {
    // A fault that makes a view miss shows only when waiting for it ends: by a clock whose hours are seconds.
    const under = fakeDiscoveryUnderTest(fault);
    const hasty = { ...under.clock, monotonic: () => under.clock.monotonic() * 20 };
    const { bound } = bindDiscoveryContract({ ...under, clock: hasty });
    const named = bound.filter((one) => one.name === name);
    expect(named).toHaveLength(1);
    const [outcome] = await Promise.allSettled(named.map((one) => one.run()));
    const type = fault === "chokes on a second stop" ? Error : ContractBreach;
    expect(outcome).toEqual({ status: "rejected", reason: expect.any(type) });
  });
});

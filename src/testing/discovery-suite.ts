import { bindCases, type ContractCase, check, checkSame } from "./contract-case.js";
import {
  createDiscoveryEnv,
  type DiscoveryCapability,
  type DiscoveryEnv,
  type DiscoveryUnderTest,
} from "./discovery-env.js";

/** What every discovery strategy promises, one case per promise. */
export const discoveryContract: readonly ContractCase<DiscoveryEnv, DiscoveryCapability>[] = [
  {
    name: "sees who is there, each once, with an address that can be dialled",
    needs: [],
    run: async (env) => {
      await env.show(env.addresses);
      await env.start();
      await env.untilSeen(env.addresses);
      check(env.views.length > 0, "no view was reported");
    },
  },
  {
    name: "has a kind of lower-case letters, and numbers with names in snake_case",
    needs: [],
    run: async (env) => {
      await env.start();
      check(/^[a-z]+$/.test(env.strategy.kind), `the kind is "${env.strategy.kind}"`);
      for (const [name, value] of Object.entries(env.strategy.stats())) {
        check(/^[a-z0-9_]+$/.test(name) && Number.isFinite(value), `it counts ${name}: ${value}`);
      }
    },
  },
  {
    name: "sees who comes and who goes",
    needs: ["changes"],
    run: async (env) => {
      const [first = "", second = "", third = ""] = env.addresses;
      await env.show([first, second]);
      await env.start();
      await env.untilSeen([first, second]);
      await env.show([first, second, third]);
      await env.untilSeen([first, second, third]);
      await env.show([second, third]);
      await env.untilSeen([second, third]);
    },
  },
  {
    name: "reports a look that failed as failed, never as an empty view, and goes on",
    needs: ["changes", "failures"],
    run: async (env) => {
      const [first = "", second = ""] = env.addresses;
      await env.show([first]);
      await env.start();
      await env.untilSeen([first]);
      await env.fail();
      await env.until(() => typeof env.reports.at(-1) === "string", "a failure is reported");
      check(!env.views.some((view) => view.length === 0), "a failed look was reported as an empty view");
      await env.show([first, second]);
      await env.untilSeen([first, second]);
    },
  },
  {
    name: "does not wait for the first answer when it starts, and finds it later",
    needs: ["changes", "failures"],
    run: async (env) => {
      await env.fail();
      let started = false;
      const starting = env.start().then(() => {
        started = true;
      });
      await env.until(() => started, "it has started though every look fails");
      await starting;
      await env.until(() => env.reports.length > 0, "the failure is reported");
      checkSame(env.views, [], "views of nothing");
      await env.show(env.addresses);
      await env.untilSeen(env.addresses);
    },
  },
  {
    name: "survives nonsense: who was seen is still seen, or the look is reported as failed",
    needs: ["changes", "garbage"],
    run: async (env) => {
      const [first = "", second = ""] = env.addresses;
      await env.show([first]);
      await env.start();
      await env.untilSeen([first]);
      await env.garble();
      await env.letLook();
      check(!env.views.some((view) => view.length === 0), "nonsense was reported as an empty view");
      await env.show([first, second]);
      await env.untilSeen([first, second]);
    },
  },
  {
    name: "says nothing once its stop is called",
    needs: [],
    run: async (env) => {
      await env.show(env.addresses);
      await env.start();
      await env.untilSeen(env.addresses);
      const stopped = env.strategy.stop();
      const before = env.reports.length;
      await env.show(env.addresses.slice(1));
      await stopped;
      await env.letLook();
      checkSame(env.reports.slice(before), [], "reports after the stop");
    },
  },
  {
    name: "stops before its start and twice, and starts again",
    needs: [],
    run: async (env) => {
      await env.strategy.stop();
      await env.show(env.addresses);
      await env.start();
      await env.untilSeen(env.addresses);
      await Promise.all([env.strategy.stop(), env.strategy.stop()]);
      await env.strategy.stop();
      const before = env.views.length;
      await env.start();
      await env.until(() => env.views.length > before, "a view after the second start");
      await env.untilSeen(env.addresses);
    },
  },
];

/** The cases that bind a strategy, ready to run, and those that it is not capable of, with the reason. */
export function bindDiscoveryContract(under: DiscoveryUnderTest): {
  readonly bound: readonly { readonly name: string; run(): Promise<void> }[];
  readonly unbound: readonly { readonly name: string; readonly reason: string }[];
} {
  const { bound, unbound } = bindCases(discoveryContract, under.missing);
  const run = async (one: ContractCase<DiscoveryEnv, DiscoveryCapability>) => {
    const env = await createDiscoveryEnv(under);
    try {
      await one.run(env);
    } finally {
      await env.dispose();
    }
  };
  return { bound: bound.map((one) => ({ name: one.name, run: () => run(one) })), unbound };
}

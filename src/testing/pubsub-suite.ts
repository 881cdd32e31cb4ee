import type { ContractCase } from "./contract-case.js";
import { bindCases } from "./contract-case.js";
import { deliveryCases } from "./pubsub-cases/delivery.js";
import { interestCases } from "./pubsub-cases/interest.js";
import { lifecycleCases } from "./pubsub-cases/lifecycle.js";
import { payloadCases } from "./pubsub-cases/payload.js";
import type { PubSubCapability, PubSubEngineUnderTest, PubSubEnv } from "./pubsub-env.js";
import { createPubSubEnv } from "./pubsub-env.js";

/** What every PubSub engine promises, one case per promise. */
export const pubsubContract: readonly ContractCase<PubSubEnv, PubSubCapability>[] = [
  ...deliveryCases,
  ...interestCases,
  ...payloadCases,
  ...lifecycleCases,
];

/** The cases that bind an engine, ready to run, and those that it is not capable of, with the reason. */
export function bindPubSubContract(engine: PubSubEngineUnderTest): {
  readonly bound: readonly { readonly name: string; run(): Promise<void> }[];
  readonly unbound: readonly { readonly name: string; readonly reason: string }[];
} {
  const { bound, unbound } = bindCases(pubsubContract, engine.missing);
  const run = async (one: ContractCase<PubSubEnv, PubSubCapability>) => {
    const env = createPubSubEnv(engine);
    try {
      await one.run(env);
    } finally {
      await env.dispose();
    }
  };
  return { bound: bound.map((one) => ({ name: one.name, run: () => run(one) })), unbound };
}

export { bindCases, ContractBreach, type ContractCase } from "./contract-case.js";
export {
  createDiscoveryEnv,
  type DiscoveryCapability,
  type DiscoveryEnv,
  type DiscoveryUnderTest,
  type DiscoveryWorld,
} from "./discovery-env.js";
export { bindDiscoveryContract, discoveryContract } from "./discovery-suite.js";
export { type PresenceExpectation, presenceOf, untilPresence } from "./presence.js";
export {
  createPubSubEnv,
  type Delivery,
  type PubSubCapability,
  type PubSubCluster,
  type PubSubClusterUnderTest,
  type PubSubEngineUnderTest,
  type PubSubEnv,
  type PubSubNode,
} from "./pubsub-env.js";
export { bindPubSubContract, pubsubContract } from "./pubsub-suite.js";
export {
  defaultBounds,
  type SimulatedBounds,
  type SimulatedEngine,
  type SimulatedParts,
} from "./simulator/engine.js";
export { type FaultKind, faultKinds } from "./simulator/faults.js";
export type { PresenceCounts } from "./simulator/presence/model.js";
export type { PresencePlan } from "./simulator/presence/plan.js";
export type { Scenario } from "./simulator/scenario.js";
export {
  type SimulatedPresenceResult,
  type SimulationOptions,
  type SimulationResult,
  simulate,
} from "./simulator/simulate.js";

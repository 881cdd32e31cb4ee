import type { PubSubAdapter } from "../../src/contracts/pubsub-adapter.js";
import { mesh } from "../../src/edges/pubsub/mesh/mesh.js";
import type { SimulatedEngine } from "../../src/testing/simulator/engine.js";
import { testSecret } from "./pubsub-engines.js";

/** The real mesh in the simulator; `spoil` may put something between it and PubSub. */
export function simulatedMesh(
  spoil: (adapter: PubSubAdapter) => PubSubAdapter = (adapter) => adapter,
): SimulatedEngine {
  return {
    engine: "mesh",
    order: "publisher",
    createAdapter: ({ listen, peers, network, defer }) =>
      spoil(mesh({ secret: testSecret, listen, peers, network, defer })),
  };
}

import type { PubSubEngineUnderTest } from "simurgh/testing";
import type { PubSubAdapter } from "../../src/contracts/pubsub-adapter.js";
import { local } from "../../src/edges/pubsub/local.js";
import { type MeshAdapter, mesh } from "../../src/edges/pubsub/mesh/mesh.js";
import { formatAddress } from "../../src/edges/pubsub/mesh/peer-address.js";
import { systemClock } from "../../src/edges/system/clock.js";
import { silentLogger } from "../../src/edges/system/logger.js";
import { systemRandom } from "../../src/edges/system/random.js";

export const systemParts = { clock: systemClock, random: systemRandom, logger: silentLogger };

export const testSecret = "a secret for the nodes of tests";

/** The engine of a single node. */
export const localEngine: PubSubEngineUnderTest = {
  ...systemParts,
  engine: "local",
  missing: {
    several_nodes: "the engine of a single node",
    membership: "the engine of a single node",
    payload_limit: "nothing is carried, so nothing is too large",
  },
  payloadBytes: 1_048_576,
  payloadTooLargeBytes: 0,
  createCluster: async () => ({
    createAdapter: () => local(),
    introduce: async () => {},
    dispose: async () => {},
  }),
};

/** The mesh over TCP on loopback. Every node dials every earlier one, and is dialled by it, too. */
export const meshEngine: PubSubEngineUnderTest = {
  ...systemParts,
  engine: "mesh",
  missing: {},
  payloadBytes: 1_048_576,
  payloadTooLargeBytes: 5 * 1_048_576,
  createCluster: async () => {
    const known = new Map<PubSubAdapter, MeshAdapter>();
    const meet = (a: MeshAdapter | undefined, b: MeshAdapter | undefined) => {
      if (b?.address !== undefined) a?.connect(formatAddress(b.address));
    };
    return {
      createAdapter: () => {
        const adapter = mesh({ secret: testSecret });
        known.set(adapter, adapter);
        return adapter;
      },
      introduce: async (adapter, earlier) => {
        for (const other of earlier) {
          meet(known.get(adapter), known.get(other));
          meet(known.get(other), known.get(adapter));
        }
      },
      dispose: async () => {},
    };
  },
};

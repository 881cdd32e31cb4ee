import type { DiscoveryStrategy } from "../../src/contracts/discovery.js";
import { gossip } from "../../src/edges/discovery/gossip/gossip.js";
import type { GossipOptions } from "../../src/edges/discovery/gossip/options.js";
import { staticHosts } from "../../src/edges/discovery/static-hosts.js";
import type { DiscoveryUnderTest } from "../../src/testing/index.js";
import { sighting } from "./fake-discovery.js";
import { systemParts } from "./pubsub-engines.js";
import { freeUdpPort, gossipTap } from "./udp.js";

const threeAddresses = ["127.0.0.1:7001", "127.0.0.1:7002", "127.0.0.1:7003"];
const nothing = async () => {};

/** The static list under the contract. */
export const staticUnderTest: DiscoveryUnderTest = {
  ...systemParts,
  kind: "static",
  missing: {
    changes: "a list in the program does not change",
    failures: "nothing is asked, so nothing fails",
    garbage: "a list that cannot be read throws at once",
  },
  createWorld: async () => ({
    strategy: staticHosts({ hosts: [...threeAddresses, ...threeAddresses], retryMs: 20 }),
    addresses: threeAddresses,
    show: nothing,
    fail: nothing,
    garble: nothing,
    dispose: nothing,
  }),
};

/** Gossip under the contract: whom it is to see are other gossips of this process. */
export function gossipUnderTest(options: GossipOptions): DiscoveryUnderTest {
  return {
    ...systemParts,
    kind: "gossip",
    missing: { failures: "nobody is asked, so nobody fails to answer" },
    createWorld: async () => {
      const port = await freeUdpPort();
      const make = () => gossip({ port, timing: { periodMs: 40, expiryMs: 2_000, answerMs: 5 }, ...options });
      const others = new Map<string, DiscoveryStrategy>();
      const hide = async (address: string) => {
        await others.get(address)?.stop();
        others.delete(address);
      };
      return {
        strategy: make(),
        addresses: threeAddresses,
        show: async (addresses) => {
          for (const address of [...others.keys()]) if (!addresses.includes(address)) await hide(address);
          for (const address of addresses) {
            if (others.has(address)) continue;
            const other = make();
            others.set(address, other);
            await other.start({
              ...systemParts,
              nodeName: `n${sighting(address).address.port}@contract`,
              address: sighting(address).address,
              secrets: ["the secret of the contract"],
              view: () => {},
              failed: () => {},
            });
          }
        },
        fail: nothing,
        garble: async () => {
          const tap = await gossipTap(port);
          for (const size of [0, 1, 27, 28, 60, 1_200, 9_000]) await tap.say(Buffer.alloc(size, 0x53));
        },
        dispose: async () => {
          for (const address of [...others.keys()]) await hide(address);
        },
      };
    },
  };
}

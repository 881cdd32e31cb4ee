import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DiscoveryStrategy } from "../../src/contracts/discovery.js";
import { dns } from "../../src/edges/discovery/dns/dns.js";
import { file } from "../../src/edges/discovery/file/file.js";
import { gossip } from "../../src/edges/discovery/gossip/gossip.js";
import type { GossipOptions } from "../../src/edges/discovery/gossip/options.js";
import { staticHosts } from "../../src/edges/discovery/static-hosts.js";
import type { DiscoveryUnderTest } from "../../src/testing/index.js";
import { DnsServer } from "./dns-server.js";
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

/** The DNS under the contract, over a real server: addresses of a name, or the targets of a service. */
export function dnsUnderTest(records: "addresses" | "services"): DiscoveryUnderTest {
  return {
    ...systemParts,
    kind: "dns",
    missing: {},
    createWorld: async () => {
      const server = new DnsServer();
      await server.open();
      const ofServices = records === "services";
      return {
        strategy: dns({
          name: ofServices ? "_mesh._tcp.example.org" : "nodes.example.org",
          ...(ofServices ? {} : { port: 7000 }),
          servers: [server.address],
          timing: { periodMs: 20, queryMsMax: 100 },
        }),
        addresses: ["10.0.0.1:7000", "10.0.0.2:7000", "[fd00::3]:7000"],
        show: async (addresses) => {
          const hosts = addresses.map((address) => sighting(address).address.host);
          const [a, aaaa] = [
            hosts.filter((host) => host.includes(".")),
            hosts.filter((host) => host.includes(":")),
          ];
          server.override = undefined;
          server.replies.clear();
          if (ofServices) {
            const ports = addresses.map((address) => sighting(address).address.port);
            const targets = ports.map((port, index) => `${port} n${index}.example.org`);
            server.replies
              .set("SRV", [...targets, ...targets])
              .set("A", [])
              .set("AAAA", []);
            hosts.forEach((host, index) => {
              server.replies.set(`${host.includes(":") ? "AAAA" : "A"} n${index}.example.org`, [host]);
            });
          } else server.replies.set("A", [...a, ...a]).set("AAAA", aaaa);
        },
        fail: async () => {
          server.override = "SERVFAIL";
        },
        garble: async () => {
          server.override = "nonsense";
        },
        dispose: () => server.close(),
      };
    },
  };
}

/** A file under the contract, in either format. */
export function fileUnderTest(format: "json" | "yaml"): DiscoveryUnderTest {
  return {
    ...systemParts,
    kind: "file",
    missing: {},
    createWorld: async () => {
      const folder = await mkdtemp(join(tmpdir(), "simurgh-list-"));
      const path = join(folder, `nodes.${format}`);
      return {
        strategy: file({ path, timing: { periodMs: 20, settleMs: 5 } }),
        addresses: threeAddresses,
        show: (addresses) => {
          const list = [...addresses, ...addresses];
          const isYaml = format === "yaml" && list.length > 0;
          const text = isYaml ? list.map((one) => `- ${one}\n`).join("") : JSON.stringify(list);
          return writeFile(path, text);
        },
        fail: () => rm(path, { force: true }),
        garble: () => writeFile(path, Buffer.from([0xff, 0x00, 0x7b])),
        dispose: () => rm(folder, { recursive: true }),
      };
    },
  };
}

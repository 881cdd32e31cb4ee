import { kubernetes } from "../../src/edges/discovery/kubernetes/kubernetes.js";
import type { DiscoveryUnderTest } from "../../src/testing/index.js";
import type { Authority } from "./certificates.js";
import { sighting } from "./fake-discovery.js";
import { KubernetesApi, pod, ServiceAccountFolder, slice } from "./kubernetes-api.js";
import { systemParts } from "./pubsub-engines.js";

/** Kubernetes under the contract, over a real server of the API. */
export function kubernetesUnderTest(
  resource: "endpointslices" | "pods",
  authority: () => Authority,
): DiscoveryUnderTest {
  return {
    ...systemParts,
    kind: "kubernetes",
    missing: {},
    createWorld: async () => {
      const api = new KubernetesApi();
      await api.open(authority().issue("IP:127.0.0.1"));
      api.tokens.add("a-token");
      const account = new ServiceAccountFolder();
      account.publish({ token: "a-token", ca: authority().ca });
      const what = resource === "pods" ? { selector: "app=chat", resource } : { service: "chat" };
      return {
        strategy: kubernetes({
          ...what,
          port: "mesh",
          server: api.url,
          serviceAccount: account.path,
          timing: { periodMs: 20 },
        }),
        addresses: ["10.0.0.1:7001", "10.0.0.2:7002", "[fd00::3]:7003"],
        show: async (addresses) => {
          const places = addresses.map((one) => sighting(one).address);
          api.fault = undefined;
          api.pods = places.map(({ host, port }) => pod("chat", host, { port }));
          // As while the controller moves an endpoint: it is in two slices.
          const slices = places.map(({ host, port }) => slice("chat", [host], port));
          api.slices = [...slices, ...slices];
        },
        fail: async () => {
          api.fault = { status: 503 };
        },
        garble: async () => {
          api.fault = { text: '{"kind":"NodeList","items":[{}]}' };
        },
        dispose: async () => {
          account.dispose();
          await api.close();
        },
      };
    },
  };
}

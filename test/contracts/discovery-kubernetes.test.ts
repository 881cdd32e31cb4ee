import { bindDiscoveryContract } from "simurgh/testing";
import { afterAll, beforeAll, describe, it } from "vitest";
import { Authority } from "../support/certificates.js";
import { kubernetesUnderTest } from "../support/kubernetes-world.js";
import { requireServer } from "../support/servers.js";

const openssl = requireServer("openssl");

describe.skipIf(openssl.missing).each(["endpointslices", "pods"] as const)(
  "discovery: kubernetes by %s",
  (resource) => {
    let authority: Authority;
    beforeAll(() => {
      authority = new Authority(openssl.path);
    });
    afterAll(() => authority.dispose());

    it.each(bindDiscoveryContract(kubernetesUnderTest(resource, () => authority)).bound)("$name", (one) =>
      one.run(),
    );
  },
);

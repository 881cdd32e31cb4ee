import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe } from "vitest";
import { haproxyBalancer } from "../../src/edges/balancer/haproxy/haproxy-balancer.js";
import { silentLogger } from "../../src/edges/system/logger.js";
import { balancerCases } from "../support/balancer-suite.js";
import { requireServer } from "../support/servers.js";

const haproxy = requireServer("haproxy");
const folders: string[] = [];
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true });
});
const privateFolder = async () => {
  const folder = await mkdtemp(join(tmpdir(), "simurgh-test-"));
  folders.push(folder);
  return folder;
};

describe.skipIf(haproxy.missing)("the HAProxy balancer", () => {
  balancerCases(async (address) => {
    const folder = await privateFolder();
    return haproxyBalancer({
      door: [address],
      logger: silentLogger,
      binary: haproxy.path,
      folder,
      rampMs: 0,
    });
  });
});

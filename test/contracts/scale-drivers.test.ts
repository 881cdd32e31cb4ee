import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe } from "vitest";
import type { AutoscaleDecision } from "../../src/core/autoscale/decide.js";
import { advice, command, kubernetes } from "../../src/scale.js";
import { Authority, type Certificate } from "../support/certificates.js";
import { ServiceAccountFolder } from "../support/kubernetes-api.js";
import { ScaleApi } from "../support/scale-api.js";
import { bindScaleContract } from "../support/scale-suite.js";
import { requireServer } from "../support/servers.js";

const openssl = requireServer("openssl");

describe.skipIf(openssl.missing)("scale driver: kubernetes", () => {
  let authority: Authority;
  let certificate: Certificate;
  beforeAll(() => {
    authority = new Authority(openssl.path);
    certificate = authority.issue("IP:127.0.0.1");
  });
  afterAll(() => authority.dispose());

  bindScaleContract(async () => {
    const api = new ScaleApi();
    await api.open(certificate, 3);
    const account = new ServiceAccountFolder();
    account.publish({ token: "a-token", ca: authority.ca });
    return {
      driver: kubernetes({ deployment: "chat", server: api.url, serviceAccount: account.path }),
      size: () => api.pods.length,
      resize: (nodes) => api.scale(nodes),
      fail: () => {
        api.fault = 500;
      },
      heal: () => {
        api.fault = undefined;
      },
      dispose: async () => {
        account.dispose();
        await api.close();
      },
    };
  });
});

describe("scale driver: command", () => {
  bindScaleContract(async () => {
    const folder = mkdtempSync(join(tmpdir(), "simurgh-scale-"));
    const file = join(folder, "size");
    writeFileSync(file, "3");
    return {
      driver: command({ program: process.execPath, args: ["test/fixtures/scale-to.mjs", file] }),
      size: () => Number(readFileSync(file, "utf8")),
      resize: (nodes) => writeFileSync(file, String(nodes)),
      fail: () => writeFileSync(`${file}.broken`, ""),
      heal: () => rmSync(`${file}.broken`),
      dispose: () => rmSync(folder, { recursive: true }),
    };
  });
});

describe("scale driver: advice", () => {
  bindScaleContract(
    async () => {
      const driver = advice({ open: true });
      let last: AutoscaleDecision | undefined;
      let replicas = 3;
      const request = { method: "GET", rest: "", authorization: undefined };
      return {
        driver: {
          ...driver,
          apply: async (decision) => {
            last = decision;
            await driver.apply(decision);
          },
        },
        // As who reads the advice would do.
        size: () => {
          const answer = driver.page?.answer(request, last && { decision: last, ageMs: 0 });
          if (answer?.status === 200) replicas = Number(JSON.parse(answer.body ?? "").desired);
          return replicas;
        },
        resize: (nodes) => {
          replicas = nodes;
        },
        fail: () => {},
        heal: () => {},
        dispose: () => {},
      };
    },
    {
      failure: "it orders nothing, so nothing can fail",
      direction: "who reads the number takes it as it is",
    },
  );
});

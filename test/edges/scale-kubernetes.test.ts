import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type KubernetesScaleOptions, kubernetes, type ScaleDriver } from "../../src/scale.js";
import { Authority, type Certificate } from "../support/certificates.js";
import { ServiceAccountFolder } from "../support/kubernetes-api.js";
import { MemoryLogger } from "../support/node.js";
import { ScaleApi } from "../support/scale-api.js";
import { decisionOf } from "../support/scale-suite.js";
import { requireServer } from "../support/servers.js";
import { until } from "../support/wait.js";

const openssl = requireServer("openssl");

describe.skipIf(openssl.missing)("the driver of Kubernetes", () => {
  let authority: Authority;
  let certificate: Certificate;
  let api: ScaleApi;
  let account: ServiceAccountFolder;
  let logger: MemoryLogger;
  const drivers: ScaleDriver[] = [];
  beforeAll(() => {
    authority = new Authority(openssl.path);
    certificate = authority.issue("IP:127.0.0.1");
  });
  afterAll(() => authority.dispose());
  beforeEach(async () => {
    api = new ScaleApi();
    await api.open(certificate, 3);
    account = new ServiceAccountFolder();
    account.publish({ token: "a-token", ca: authority.ca });
    logger = new MemoryLogger();
  });
  afterEach(async () => {
    for (const driver of drivers.splice(0)) await driver.close();
    account.dispose();
    await api.close();
  });

  function made(more: Partial<KubernetesScaleOptions> = {}): ScaleDriver {
    const driver = kubernetes({
      deployment: "chat",
      server: api.url,
      serviceAccount: account.path,
      ...more,
    });
    driver.start?.({ nodeName: "n1@10.0.0.1", logger });
    drivers.push(driver);
    return driver;
  }
  const names = () => api.pods.map(({ name }) => name);
  const drain = (name: string) => decisionOf(3, 2, { kind: "drain", name });

  it.each(["n2@10.0.0.2", "chat-2", "n2@chat-2", "n2@chat-2.chat.birds.svc"])(
    "has the chosen node go, which is called %s",
    async (name) => {
      await made().apply(drain(name));
      expect(names()).toEqual(["chat-1", "chat-3"]);
      expect(logger.at("warn")).toEqual([]);
    },
  );

  it("finds the pod of a node as it is told to", async () => {
    await made({ podOf: (name) => name.replace("bird", "chat") }).apply(drain("bird-3"));
    expect(names()).toEqual(["chat-1", "chat-2"]);
  });

  it("takes back what an order that failed half-way said of another pod", async () => {
    const driver = made();
    api.conflicts = 9;
    await expect(driver.apply(drain("chat-1"))).rejects.toMatchObject({ code: "scale_driver_failed" });
    api.conflicts = 0;
    await driver.apply(drain("chat-2"));
    expect(names()).toEqual(["chat-1", "chat-3"]);
    expect(api.pods.map(({ annotations }) => annotations)).toEqual([{}, {}]);
  });

  it("looks anew when somebody else was quicker", async () => {
    api.conflicts = 2;
    await made().apply(decisionOf(3, 5));
    expect(names().length).toBe(5);
    expect(api.requests.filter((one) => one.startsWith("PATCH")).length).toBe(3);
  });

  it("goes on when it may not change pods, says so, and leaves the choice to Kubernetes", async () => {
    api.forbidsPods = true;
    await made().apply(drain("chat-1"));
    expect(names().length).toBe(2);
    expect(logger.at("warn")).toEqual(["the pod that goes is left to Kubernetes to choose"]);
  });

  it("shrinks nothing when nothing is asked of the API for a hold", async () => {
    await made().apply(decisionOf(3, 3));
    expect(api.requests).toEqual([]);
  });

  it("scales a deployment that stands at none", async () => {
    api.scale(0);
    await made().apply(decisionOf(0, 2));
    expect(names().length).toBe(2);
  });

  it("reads the token anew for each order", async () => {
    const driver = made();
    account.publish({ token: "an-old-token", ca: authority.ca });
    await expect(driver.apply(decisionOf(3, 4))).rejects.toThrow(/does not take the token.*401/);
    account.publish({ token: "a-token", ca: authority.ca });
    await driver.apply(decisionOf(3, 4));
    expect(names().length).toBe(4);
  });

  it.each([
    ["refuses", 403, /may not do that \(403\)/],
    ["knows no such deployment", 404, /knows nothing of that \(404\)/],
    ["is broken", 500, /status 500: it does not work/],
  ] as const)("tells what is wrong when the API %s", async (_, status, words) => {
    api.fault = status;
    await expect(made().apply(decisionOf(3, 4))).rejects.toThrow(words);
    expect(names().length).toBe(3);
  });

  it("believes no API that another authority speaks for", async () => {
    const other = new Authority(openssl.path);
    account.publish({ token: "a-token", ca: other.ca });
    other.dispose();
    await expect(made().apply(decisionOf(3, 4))).rejects.toThrow(/cannot be reached/);
    expect(api.requests).toEqual([]);
  });

  it("does not wait for ever, and is cut off by its close", async () => {
    api.silent = true;
    await expect(made({ timeoutMs: 150 }).apply(decisionOf(3, 4))).rejects.toThrow(/within 150 ms/);
    const driver = made();
    const order = driver.apply(decisionOf(3, 4));
    const told = expect(order).rejects.toThrow(/the driver is closed/);
    await until(() => api.requests.length === 2, "the order to be under way");
    await driver.close();
    await told;
  });

  it("says that there is no service account", async () => {
    account.dispose();
    await expect(made().apply(decisionOf(3, 4))).rejects.toThrow(/the service account has no/);
  });
});

describe("options of the driver of Kubernetes", () => {
  it.each([
    [{}, /either a deployment or a statefulSet/],
    [{ deployment: "a", statefulSet: "b" }, /either a deployment or a statefulSet/],
    [{ deployment: "Chat!" }, /name must be a name of Kubernetes/],
    [{ deployment: "chat", server: "http://10.0.0.1" }, /server must be https/],
    [{ deployment: "chat", timeoutMs: 1 }, /timeoutMs must be/],
  ])("refuses %j", (given, words) => {
    expect(() => kubernetes({ server: "https://10.0.0.1:443", ...given })).toThrow(words);
  });

  it("need a server outside of a pod", () => {
    expect(() => kubernetes({ deployment: "chat" })).toThrow(/this is no pod of Kubernetes/);
  });
});

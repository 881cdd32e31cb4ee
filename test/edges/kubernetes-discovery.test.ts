import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Sighting } from "../../src/contracts/discovery.js";
import { kubernetes } from "../../src/edges/discovery/kubernetes/kubernetes.js";
import { type KubernetesOptions, serverOfPod } from "../../src/edges/discovery/kubernetes/options.js";
import { readPod, readSlice } from "../../src/edges/discovery/kubernetes/read-objects.js";
import { Authority, type Certificate } from "../support/certificates.js";
import {
  type ApiFault,
  KubernetesApi,
  pod,
  ServiceAccountFolder,
  slice,
  statusOf,
} from "../support/kubernetes-api.js";
import { requireServer } from "../support/servers.js";
import { startStrategy } from "../support/strategy.js";
import { until } from "../support/wait.js";

const openssl = requireServer("openssl");
const token = "first-token";
const [one, two] = ["10.0.0.1:7000", "10.0.0.2:7000"];

describe.skipIf(openssl.missing)("kubernetes", () => {
  let authority: Authority;
  let stranger: Authority;
  let certificate: Certificate;
  beforeAll(() => {
    authority = new Authority(openssl.path);
    certificate = authority.issue("IP:127.0.0.1");
    stranger = new Authority(openssl.path);
  });
  afterAll(() => {
    authority.dispose();
    stranger.dispose();
  });

  /** An API that knows two endpoints and two pods, and a strategy that asks it. */
  async function ask(
    options: Partial<KubernetesOptions> = {},
    prepare: (api: KubernetesApi) => void = () => {},
  ) {
    const api = new KubernetesApi();
    await api.open(certificate);
    const account = new ServiceAccountFolder();
    account.publish({ token: `${token}\n`, ca: authority.ca });
    onTestFinished(async () => {
      account.dispose();
      await api.close();
    });
    api.tokens.add(token);
    api.slices = [slice("chat", ["10.0.0.1", "10.0.0.2"]), slice("other", ["10.9.9.9"])];
    api.pods = [pod("chat", "10.0.0.1"), pod("chat", "10.0.0.2"), pod("other", "10.9.9.9")];
    prepare(api);
    const what = options.selector === undefined ? { service: "chat" } : {};
    const base = { port: 7000, server: api.url, serviceAccount: account.path, timing: { periodMs: 25 } };
    const started = await startStrategy(kubernetes({ ...base, ...what, ...options }));
    return { api, account, ...started };
  }

  describe("sees", () => {
    test("the endpoints of a service, asked for in the namespace of the service account", async () => {
      const { api, untilSees } = await ask();
      await untilSees(one, two);
      const [url] = api.requests;
      expect(url?.pathname).toBe("/apis/discovery.k8s.io/v1/namespaces/birds/endpointslices");
      expect(Object.fromEntries(url?.searchParams ?? [])).toEqual({
        labelSelector: "kubernetes.io/service-name=chat",
        limit: "500",
        resourceVersion: "0",
      });
    });

    test("EndpointSlices by their labels, at the port with that name", async () => {
      const { untilSees } = await ask({ selector: "app.kubernetes.io/name!=chat", port: "mesh" });
      await untilSees("10.9.9.9:7000");
    });

    test("pods by their labels, at the port with that name", async () => {
      const { untilSees } = await ask({ selector: "app=chat", resource: "pods", port: "mesh" });
      await untilSees(one, two);
    });

    test("both families of a service that has both", async () => {
      const both = [slice("chat", ["10.0.0.1"]), slice("chat", ["fd00::1"])];
      const { untilSees } = await ask({}, (api) => {
        api.slices = both;
      });
      await untilSees(one, "[fd00::1]:7000");
    });

    test("who is not ready, unless told otherwise; who is on its way out never", async () => {
      const prepare = (api: KubernetesApi) => {
        api.slices = [
          slice("chat", [
            { ip: "10.0.0.1", conditions: { ready: true, serving: true, terminating: false } },
            { ip: "10.0.0.2", conditions: { ready: false, serving: false, terminating: false } },
            { ip: "10.0.0.3", conditions: { ready: false, serving: true, terminating: true } },
            { ip: "10.0.0.4", conditions: {} },
          ]),
        ];
      };
      const all = await ask({}, prepare);
      await all.untilSees(one, two, "10.0.0.4:7000");
      expect(all.stat("seen_terminating")).toBeGreaterThan(0);
      const ready = await ask({ readyOnly: true }, prepare);
      await ready.untilSees(one, "10.0.0.4:7000");
      expect(ready.stat("seen_unready")).toBeGreaterThan(0);
    });

    test("no pod that ended, is to be deleted, or has no address yet", async () => {
      const { untilSees } = await ask({ selector: "app=chat", resource: "pods" }, (api) => {
        api.pods = [
          pod("chat", "10.0.0.1", { ready: false }),
          pod("chat", "10.0.0.2", { deleted: true }),
          pod("chat", "10.0.0.3", { phase: "Failed" }),
          pod("chat", "10.0.0.4", { phase: "Succeeded" }),
          pod("chat", undefined, { phase: "Pending" }),
        ];
      });
      await untilSees(one);
    });

    test("all pages of a long list, and begins once more when the rest of it is gone", async () => {
      const hosts = Array.from({ length: 7 }, (_, i) => `10.0.1.${i}`);
      const { api, untilSees, failures } = await ask({ limits: { pageItems: 3 } }, (api) => {
        api.slices = hosts.map((host) => slice("chat", [host]));
        api.expiredRests = 1;
      });
      await untilSees(...hosts.map((host) => `${host}:7000`));
      expect(failures).toEqual([]);
      expect(api.requests.slice(0, 5).map((url) => url.searchParams.get("continue"))).toEqual([
        null,
        "3",
        null,
        "3",
        "6",
      ]);
    });

    test("nobody when the service has no endpoints; when there is no such service, one line says so", async () => {
      const { api, untilSees, untilReports, logger, failures, stat } = await ask({}, (api) => {
        api.slices = [slice("chat", [])];
      });
      await untilSees();
      expect(logger.lines).toEqual([]);
      api.slices = [];
      await untilReports(4);
      expect(logger.lines.map(({ message }) => message)).toEqual([
        "nothing in Kubernetes matches, so there is nobody to see",
      ]);
      expect([failures, stat("lists_empty") >= 2]).toEqual([[], true]);
    });

    test("other lives of a node at one address apart", async () => {
      const lives: (string | undefined)[] = [];
      const view = (sightings: readonly Sighting[]) => void lives.push(sightings[0]?.life);
      const api = new KubernetesApi();
      await api.open(certificate);
      const account = new ServiceAccountFolder();
      account.publish({ token, ca: authority.ca });
      onTestFinished(async () => {
        account.dispose();
        await api.close();
      });
      api.tokens.add(token);
      const base = { service: "chat", port: 7000, server: api.url, serviceAccount: account.path };
      api.slices = [slice("chat", [{ ip: "10.0.0.1", uid: "a" }])];
      await startStrategy(kubernetes({ ...base, timing: { periodMs: 25 } }), { view });
      await until(() => lives.at(-1) === "a", "its first life is seen");
      api.slices = [slice("chat", [{ ip: "10.0.0.1", uid: "b" }])];
      await until(() => lives.at(-1) === "b", "its second life is seen");
    });
  });

  describe("what changes in the service account", () => {
    test("is read anew: a token that is no longer taken is a failed look until the next one is there", async () => {
      const { api, account, untilSees, failures, views } = await ask();
      await untilSees(one, two);
      api.tokens.clear();
      api.tokens.add("second-token");
      await until(() => failures.length > 0, "the old token is not taken");
      expect(failures[0]).toContain("does not take the token of the service account (401)");
      account.publish({ token: "second-token", ca: authority.ca });
      const before = views.length;
      await until(() => views.length > before, "it sees again");
      expect(views.at(-1)).toEqual([one, two]);
      expect(api.presented.at(-1)).toBe("second-token");
      expect(views).not.toContainEqual([]);
    });

    test("is read anew: an API with a certificate of another authority is not trusted before the folder has it", async () => {
      const { api, account, untilSees, untilReports, failures, views } = await ask();
      await untilSees(one, two);
      await api.change(stranger.issue("IP:127.0.0.1"));
      api.presented.length = 0;
      await until(() => failures.some((reason) => /SIGNATURE|CERT|SELF/.test(reason)), "it is not trusted");
      await untilReports(2);
      expect(api.presented).toEqual([]);
      account.publish({ token, ca: stranger.ca });
      const before = views.length;
      await until(() => views.length > before, "it sees again");
    });

    test.each([
      ["token", "has no token"],
      ["ca.crt", "has no ca.crt"],
      ["namespace", "has no namespace"],
    ])("can be missing: without its %s a look fails, with one reason", async (name, words) => {
      const { account, untilSees, failures, stat, api } = await ask();
      await untilSees(one, two);
      rmSync(join(account.path, name));
      await until(() => failures.length > 0, "it fails");
      expect(failures[0]).toContain(words);
      expect(stat("accounts_unreadable")).toBeGreaterThan(0);
      account.dispose();
      expect(api.presented).not.toContain("");
    });

    test.each([
      [{ token: "", ca: "x" }, "there is no token"],
      [{ token: "a b", ca: "x" }, "there is no token"],
      [{ token, ca: "rubbish" }, "there is no certificate"],
      [{ token, ca: "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----" }, "cannot be reached"],
      [{ token, ca: undefined, namespace: "../x" }, "there is no name"],
    ])("can be nonsense: %j", async ({ ca, ...files }, words) => {
      const { account, untilSees, failures } = await ask();
      await untilSees(one, two);
      account.publish({ ...files, ca: ca ?? authority.ca });
      await until(() => failures.length > 0, "it fails");
      expect(failures[0]).toContain(words);
      expect(failures.join()).not.toContain(token);
    });
  });

  describe("an API", () => {
    const huge = { text: `{"kind":"EndpointSliceList","items":[${" ".repeat(2_000)}]}` };
    test.each<[string, ApiFault, string]>([
      [
        "that refuses the account",
        statusOf(403, "Forbidden", 'User "x" cannot list'),
        'may not do that (403): User "x"',
      ],
      ["that has no such resource", statusOf(404, "NotFound", "no such page"), "knows nothing of that (404)"],
      ["in trouble", { status: 500 }, "status 500"],
      ["behind a proxy in trouble", { status: 502, body: "<html>" }, "status 502"],
      ["that sends elsewhere", { status: 302, headers: { location: "https://127.0.0.1:1/" } }, "status 302"],
      [
        "that does not understand the selector",
        statusOf(400, "BadRequest", "unable\nto parse"),
        "400: unable to parse",
      ],
      ["that begins a list anew without end", statusOf(410, "Expired", "too old"), "(410)"],
      ["that answers no JSON", { text: "hello" }, "no JSON"],
      ["that answers half a list", { text: '{"kind":"EndpointSliceList","items":[' }, "no JSON"],
      ["that answers another list", { text: '{"kind":"PodList","items":[]}' }, "no EndpointSliceList"],
      ["that answers no list", { text: '{"kind":"EndpointSliceList","items":{}}' }, "no EndpointSliceList"],
      ["that lists nonsense", { text: '{"kind":"EndpointSliceList","items":[1,{},null]}' }, "none of the 3"],
      ["that answers too much", huge, "larger than 1500 bytes"],
      ["that breaks off", "break", "cannot be reached"],
      ["that is silent", "silence", "no answer in 300 ms"],
    ])("%s is a failed look, not an empty one, until it recovers", async (_what, fault, words) => {
      const timing = { periodMs: 25, lookMsMax: fault === "silence" ? 300 : 15_000 };
      const { api, untilSees, failures, views } = await ask({ timing, limits: { answerBytesMax: 1_500 } });
      await untilSees(one, two);
      api.fault = fault;
      await until(() => failures.some((reason) => reason.includes(words)), `it fails with "${words}"`);
      expect(failures.join()).not.toMatch(/[\n\r]/);
      expect(views).not.toContainEqual([]);
      api.fault = undefined;
      api.slices = [slice("chat", ["10.0.0.2"])];
      await untilSees(two);
    });

    test("that is too busy says when to ask again, within bounds", async () => {
      const timing = { periodMs: 25, retryAfterMsMax: 200 };
      const { api, untilSees } = await ask({ timing });
      await untilSees(one, two);
      api.fault = { status: 429, headers: { "retry-after": "3600" } };
      await until(() => api.requests.length > 1, "it asks");
      const before = performance.now();
      const asked = api.requests.length;
      await until(() => api.requests.length > asked + 1, "it asks again, after less than an hour");
      expect(performance.now() - before).toBeGreaterThan(150);
    });

    test("that writes null for no items, and objects that cannot be read among others, hides nobody", async () => {
      const { api, untilSees, logger, stat } = await ask();
      await untilSees(one, two);
      api.fault = { text: '{"kind":"EndpointSliceList","items":null}' };
      await untilSees();
      api.fault = {
        status: 200,
        body: { kind: "EndpointSliceList", items: [{}, slice("chat", ["10.0.0.1"])] },
      };
      await untilSees(one);
      expect(stat("objects_refused")).toBeGreaterThan(0);
      expect(logger.lines.map(({ message }) => message)).toContain("objects of Kubernetes cannot be read");
    });

    test("whose objects lack the port is a failed look; when some have it, those are seen", async () => {
      const { api, failures, untilSees, stat } = await ask({ port: "gossip" });
      await until(() => failures.length > 0, "it fails");
      expect(failures[0]).toContain('there is no port "gossip"');
      const ports = [
        { name: "gossip", protocol: "UDP", port: 1 },
        { name: "gossip", port: 7001 },
      ];
      api.slices = [slice("chat", ["10.0.0.1"]), slice("chat", ["10.0.0.2"], null, { ports })];
      await untilSees("10.0.0.2:7001");
      expect(stat("nodes_without_port")).toBeGreaterThan(0);
    });
  });
});

describe("objects", () => {
  const settings = { port: 7000, readyOnly: false };
  test.each([
    null,
    1,
    "x",
    [],
    {},
    { addressType: "IPv4", endpoints: [{}] },
    { addressType: "IPv4", endpoints: [1] },
  ])("that are no EndpointSlice are not read as one: %j", (object) =>
    expect(readSlice(object, settings)).toBeUndefined(),
  );
  test.each([null, 1, "x", [], {}, { status: {} }, { status: { phase: 1 } }])(
    "that are no pod are not read as one: %j",
    (object) => expect(readPod(object, settings)).toBeUndefined(),
  );
  test("of endpoints with several addresses give the first, which stands for all", () => {
    const endpoints = [{ addresses: ["10.0.0.1", "10.0.0.9"] }];
    const read = readSlice({ addressType: "IPv4", endpoints, ports: null }, settings);
    expect(read?.sightings).toEqual([{ address: { host: "10.0.0.1", port: 7000 }, life: undefined }]);
  });
});

describe("where the API is", () => {
  test.each([
    [{ KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "6443" }, "https://10.96.0.1:6443"],
    [{ KUBERNETES_SERVICE_HOST: "fd00::1" }, "https://[fd00::1]"],
  ])("is what the environment of a pod says: %j", (env, url) => expect(serverOfPod(env)).toBe(url));

  test("is unknown outside of a pod, so the start is refused", async () => {
    expect(() => serverOfPod({})).toThrow(expect.objectContaining({ code: "discovery_start_failed" }));
  });
});

test.each<[Partial<KubernetesOptions>, string]>([
  [{ service: "chat", selector: "app=chat" }, "either a service or a selector"],
  [{}, "either a service or a selector"],
  [{ service: "chat", resource: "pods" }, "pods are found by a selector"],
  [{ service: "Chat!" }, "service must be a name"],
  [{ selector: "" }, "no label selector"],
  [{ selector: "app=\n" }, "no label selector"],
  [{ service: "chat", port: 0 }, "port"],
  [{ service: "chat", port: "" }, "port"],
  [{ service: "chat", namespace: "a/b" }, "namespace"],
  [{ service: "chat", server: "http://127.0.0.1:8001" }, "server must be https"],
  [{ service: "chat", server: "https://127.0.0.1/x" }, "server must be https"],
  // What is not typed can be anything.
  [{ selector: "app=chat", resource: "nodes" as "pods" }, "resource"],
  [{ service: "chat", limits: { pagesMax: 0 } }, "pagesMax"],
])("kubernetes with %j is refused", (options, words) => {
  expect(() => kubernetes({ port: 7000, ...options })).toThrow(
    expect.objectContaining({ code: "discovery_config_invalid", message: expect.stringContaining(words) }),
  );
});

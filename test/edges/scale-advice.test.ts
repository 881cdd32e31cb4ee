import { describe, expect, it } from "vitest";
import { createEndpoint, mesh, socket } from "../../src/index.js";
import { advice } from "../../src/scale.js";
import { useEndpoints } from "../support/endpoints.js";
import { testSecret } from "../support/pubsub-engines.js";
import { decisionOf } from "../support/scale-suite.js";
import { until } from "../support/wait.js";

const token = "a-token-of-twenty-characters";
const sockets = { "/socket": socket().routes({}) };
const place = { listen: { host: "127.0.0.1", port: 0 }, secret: testSecret };
const asked = { method: "GET", rest: "", authorization: undefined };
const known = (ageMs = 500) => ({ decision: decisionOf(2, 3), ageMs });

describe("advice over an endpoint's HTTP", () => {
  const start = useEndpoints();

  it("is what KEDA's scaler reads, from any node, for those who have the token", async () => {
    const autoscale = () => ({
      policy: { minNodes: 3, maxNodes: 3 },
      driver: advice({ token }),
      intervalMs: 100,
    });
    const fleet = { statusPeriodMs: 100 };
    const port = (adapter: ReturnType<typeof mesh>) => adapter.address?.port ?? 0;
    const first = mesh({ ...place, peers: [] });
    await start({ name: "n1@127.0.0.1", sockets, fleet, pubsub: first, autoscale: autoscale() });
    const second = mesh({
      ...place,
      peers: [`n1@127.0.0.1:${port(first)}`],
    });
    const two = await start({ name: "n2@127.0.0.1", sockets, fleet, pubsub: second, autoscale: autoscale() });
    const url = `http://127.0.0.1:${two.port}/autoscale`;
    const headers = { authorization: `Bearer ${token}` };
    let body: Record<string, unknown> = {};
    await until(async () => {
      const answer = await fetch(url, { headers });
      if (answer.status !== 200) return false;
      body = (await answer.json()) as Record<string, unknown>;
      return body.current === 2 || body.current === 3;
    }, "the leader's decision to be shown by the other node");
    expect(body.desired).toBe(3);
    const gauges = await (await fetch(`${url}/metrics`, { headers })).text();
    expect(gauges).toMatch(/^simurgh_autoscale_desired_nodes 3$/m);
    expect((await fetch(url)).status, "without the token").toBe(401);
    expect((await fetch(url, { headers: { authorization: `Bearer ${token}x` } })).status).toBe(401);
    expect((await fetch(`${url}/other`, { headers })).status).toBe(404);
    expect((await fetch(url, { headers, method: "POST" })).status).toBe(405);
    expect(two.endpoint.autoscale()?.decision?.desired).toBe(3);
  });

  it("needs nodes that reach each other", () => {
    const driver = advice({ open: true });
    expect(() => createEndpoint({ sockets, autoscale: { driver } })).toThrow(/scale_config_invalid/);
  });

  it("names every field of a policy that is wrong", () => {
    const policy = { minNodes: 0, tolerance: 9, scaleIn: { stepNodes: 0.5 } };
    const pubsub = mesh({ ...place, peers: [] });
    const make = () =>
      createEndpoint({ sockets, pubsub, autoscale: { driver: advice({ open: true }), policy } });
    expect(make).toThrow(/minNodes must.*tolerance must.*scaleIn\.stepNodes must/);
  });
});

describe("the page of the advice", () => {
  const { page } = advice({ open: true });

  it("has the number at `desired`, with the reasons", () => {
    const { status, body = "" } = page?.answer(asked, known()) ?? {};
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual({
      desired: 3,
      current: 2,
      action: "add",
      ageMs: 500,
      restraints: [],
      signals: {},
    });
  });

  it("has no number before the first decision, nor when the last is too old", () => {
    expect(page?.answer(asked, undefined).status).toBe(503);
    expect(page?.answer(asked, known(60_001)).status).toBe(503);
    expect(page?.answer({ ...asked, rest: "/metrics" }, known(60_001))).toMatchObject({
      status: 200,
      body: "",
    });
  });

  it("writes gauges as Prometheus reads them", () => {
    const decision = {
      ...decisionOf(2, 3),
      wishes: [{ signal: "eventLoop", nodes: 3, usage: 0.9, target: 0.6, unmeasured: [] }] as const,
    };
    const { body = "" } = page?.answer({ ...asked, rest: "/metrics" }, { decision, ageMs: 1_500 }) ?? {};
    expect(body.split("\n").filter((line) => !line.startsWith("#"))).toEqual([
      "simurgh_autoscale_desired_nodes 3",
      "simurgh_autoscale_current_nodes 2",
      "simurgh_autoscale_decision_age_seconds 1.5",
      'simurgh_autoscale_usage{signal="eventLoop"} 0.9',
      "",
    ]);
  });

  it.each([
    [{}, /needs a token/],
    [{ token, open: true }, /needs a token/],
    [{ token: "short" }, /20 visible/],
    [{ open: true, path: "autoscale" }, /path must/],
    [{ open: true, path: "/" }, /path must/],
    [{ open: true, ageMsMax: 1 }, /ageMsMax/],
  ])("refuses options that cannot work: %j", (given, words) => {
    expect(() => advice(given)).toThrow(words);
  });
});

import type { IScaledObject } from "@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject";
import type { ITriggerAuthentication } from "@kubernetes-models/keda/keda.sh/v1alpha1/TriggerAuthentication";
import type { IPodMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor";
import type { IDeployment } from "kubernetes-models/apps/v1/Deployment";
import type { IHorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler";
import type { INetworkPolicy } from "kubernetes-models/networking.k8s.io/v1/NetworkPolicy";
import type { IService } from "kubernetes-models/v1/Service";
import { describe, expect, it } from "vitest";
import { autoscaleOptions } from "../../examples/chat/src/autoscale.js";
import { deployText, manifest, readManifests } from "../support/deployment/files.js";
import { decisionOf } from "../support/scale-suite.js";

const token = "a-token-of-twenty-characters";
const { autoscale } = autoscaleOptions({ AUTOSCALE_TOKEN: token });
const page = autoscale?.driver.page;

/** What a node of the chat answers to whoever has the token. */
const answer = (rest: string, ageMs = 0) =>
  page?.answer(
    { method: "GET", rest, authorization: `Bearer ${token}` },
    { decision: decisionOf(2, 3), ageMs },
  );

const scaledObject = (folder: string) =>
  manifest<IScaledObject>("ScaledObject", "chat", `${folder}/scaled-object.yaml`).spec;
const hpa = manifest<IHorizontalPodAutoscaler>("HorizontalPodAutoscaler", "chat", "hpa/autoscaler.yaml").spec;
const deployment = manifest<IDeployment>("Deployment", "chat", "base/deployment.yaml");

/** Names of gauges in Prometheus' text. */
const gauges = [...(answer("/metrics")?.body ?? "").matchAll(/^(\w+)[ {]/gm)].map(([, name]) => name);

describe("KEDA that asks the nodes", () => {
  const [trigger] = scaledObject("keda").triggers;

  it("asks where they answer, with what they want to see, for a value that is there", () => {
    const url = new URL(trigger?.metadata.url ?? "");
    expect(url.pathname).toBe(page?.path);
    const service = manifest<IService>("Service", "chat", "base/service.yaml");
    expect(url.hostname.split(".").slice(0, 2)).toEqual([service.metadata?.name, "chat"]);
    expect(service.spec?.ports?.[0]?.port).toBe(80);
    expect(JSON.parse(answer("")?.body ?? "{}")[trigger?.metadata.valueLocation ?? ""]).toBe(3);
    expect(trigger?.metadata.authMode).toBe("bearer");
    const file = "keda/scaled-object.yaml";
    const authentication = manifest<ITriggerAuthentication>("TriggerAuthentication", "chat-autoscale", file);
    expect(authentication.spec?.secretTargetRef).toEqual([
      { parameter: "token", name: "chat", key: "AUTOSCALE_TOKEN" },
    ]);
    expect(trigger?.authenticationRef?.name).toBe("chat-autoscale");
  });

  it("hears an error, and never a zero, from a node that does not know", () => {
    expect(answer("", 3_600_000)?.status).toBe(503);
    expect(page?.answer({ method: "GET", rest: "", authorization: undefined }, undefined).status).toBe(401);
  });
});

describe("Prometheus", () => {
  it("asks where the nodes answer, with the token", () => {
    const monitor = manifest<IPodMonitor>("PodMonitor", "chat", "components/prometheus/pod-monitor.yaml");
    expect(monitor.spec?.podMetricsEndpoints).toMatchObject([
      {
        port: "http",
        path: `${page?.path}/metrics`,
        authorization: { type: "Bearer", credentials: { name: "chat", key: "AUTOSCALE_TOKEN" } },
      },
    ]);
  });

  it("is asked for a gauge that there is, whose absence is an error", () => {
    const [trigger] = scaledObject("keda-prometheus").triggers;
    const [, gauge] = /^max\((\w+)/.exec(trigger?.metadata.query ?? "") ?? [];
    expect(gauges).toContain(gauge);
    expect(trigger?.metadata.ignoreNullValues).toBe("false");
    expect(gauges).toContain(hpa?.metrics?.[0]?.external?.metric.name);
    expect(answer("/metrics", 3_600_000)?.body).toBe("");
  });
});

describe("whoever scales", () => {
  it.each([
    ["KEDA, asking nodes", scaledObject("keda").advanced?.horizontalPodAutoscalerConfig?.behavior],
    [
      "KEDA, asking Prometheus",
      scaledObject("keda-prometheus").advanced?.horizontalPodAutoscalerConfig?.behavior,
    ],
    ["HorizontalPodAutoscaler", hpa?.behavior],
  ])("takes one node at a time, and no more than can drain meanwhile: %s", (_who, behavior) => {
    const [policy, ...more] = behavior?.scaleDown?.policies ?? [];
    expect([policy?.type, policy?.value, more]).toEqual(["Pods", 1, []]);
    const graceS = deployment.spec?.template.spec?.terminationGracePeriodSeconds ?? Number.POSITIVE_INFINITY;
    expect(policy?.periodSeconds).toBeGreaterThanOrEqual(graceS);
    expect(behavior?.scaleDown?.stabilizationWindowSeconds).toBeGreaterThanOrEqual(300);
  });

  it.each(["keda", "keda-prometheus"])("shrinks nothing when the metric is lost: %s", (folder) => {
    const { fallback, triggers } = scaledObject(folder);
    expect(fallback).toMatchObject({ behavior: "currentReplicasIfHigher" });
    // A fallback is for this kind of target only.
    expect(triggers.map(({ metricType }) => metricType)).toEqual(["AverageValue"]);
    expect(triggers.map(({ metadata }) => metadata.targetValue ?? metadata.threshold)).toEqual(["1"]);
  });

  it("has bounds within which the policy of the nodes lies", () => {
    const { minNodes = 0, maxNodes = Number.POSITIVE_INFINITY } = autoscale?.policy ?? {};
    for (const folder of ["keda", "keda-prometheus"]) {
      const { minReplicaCount = 0, maxReplicaCount = 0 } = scaledObject(folder);
      expect([minReplicaCount <= minNodes, maxNodes <= maxReplicaCount]).toEqual([true, true]);
    }
    expect([(hpa?.minReplicas ?? 0) <= minNodes, maxNodes <= (hpa?.maxReplicas ?? 0)]).toEqual([true, true]);
    expect(hpa?.metrics?.[0]?.external?.target).toEqual({ type: "AverageValue", averageValue: "1" });
  });

  it("is the only one who sets the size, and the nodes get the token", () => {
    const [patch] = readManifests(deployText("kubernetes/components/autoscaled/deployment.yaml"));
    expect(patch).toMatchObject({
      kind: "Deployment",
      metadata: { name: deployment.metadata?.name },
      spec: {
        replicas: null,
        template: {
          spec: {
            containers: [
              {
                name: deployment.spec?.template.spec?.containers[0]?.name,
                env: [{ name: "AUTOSCALE_TOKEN", valueFrom: { secretKeyRef: { name: "chat" } } }],
              },
            ],
          },
        },
      },
    });
  });

  it.each(["keda/network-policy.yaml", "components/prometheus/network-policy.yaml"])(
    "reaches the application port, and not the mesh: %s",
    (file) => {
      const name = file.startsWith("keda") ? "chat-keda" : "chat-prometheus";
      const policy = manifest<INetworkPolicy>("NetworkPolicy", name, file);
      expect(policy.spec?.podSelector?.matchLabels).toEqual(deployment.spec?.selector.matchLabels);
      expect(policy.spec?.ingress?.map(({ ports }) => ports)).toEqual([[{ port: "http" }]]);
    },
  );
});

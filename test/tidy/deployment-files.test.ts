import { Command } from "commander";
import type { IDeployment } from "kubernetes-models/apps/v1/Deployment";
import type { INetworkPolicy } from "kubernetes-models/networking.k8s.io/v1/NetworkPolicy";
import type { IPodDisruptionBudget } from "kubernetes-models/policy/v1/PodDisruptionBudget";
import type { IRole } from "kubernetes-models/rbac.authorization.k8s.io/v1/Role";
import type { IRoleBinding } from "kubernetes-models/rbac.authorization.k8s.io/v1/RoleBinding";
import type { IService } from "kubernetes-models/v1/Service";
import { describe, expect, it } from "vitest";
import { addNode } from "../../src/cli/commands/node.js";
import { brokerNeeds } from "../../src/cli/engine/choice.js";
import { secretVariable } from "../../src/cli/fleet/messages.js";
import { stopMsMax } from "../../src/cli/node/node-life.js";
import { drainOptions } from "../../src/runtime/fleet/drain.js";
import { imageStages, lastOf } from "../support/deployment/dockerfile.js";
import { deployFiles, deployText, manifest, readYaml } from "../support/deployment/files.js";
import { readText } from "./repository.js";

/** Kept between the last thing that a node does and the moment at which it is killed. */
const spareS = 5;

const { noticeMs, timeoutMs } = drainOptions({});
const drainS = Math.ceil((noticeMs + timeoutMs) / 1_000);
const endS = drainS + stopMsMax / 1_000 + spareS;

/** What of docker-compose.yml is looked at; its schema is another test's business. */
interface Compose {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly command?: readonly string[];
        readonly environment?: Readonly<Record<string, string | number>>;
        readonly ports?: readonly string[];
        readonly stop_grace_period?: string;
        readonly ulimits?: { readonly nofile: number };
        readonly build?: { readonly context: string; readonly dockerfile: string };
      }
    >
  >;
}

const [composeFile] = readYaml(deployText("docker-compose.yml"));
const compose = composeFile as Compose;
const service = compose.services.node;

const deployment = manifest<IDeployment>("Deployment", "chat", "base/deployment.yaml");
const pod = deployment.spec?.template.spec;
const [container] = pod?.containers ?? [];
const haproxy = deployText("haproxy/haproxy.cfg");

const [, image = []] = imageStages();

/** What `simurgh node` makes of arguments; it does not run. Throws for what it does not take. */
function readArguments(args: readonly string[]) {
  const program = new Command();
  addNode(program, () => {});
  const node = program.commands.find((command) => command.name() === "node");
  if (node === undefined) throw new Error("no such command");
  node.exitOverride().configureOutput({ writeErr: () => {} });
  const { operands, unknown } = node.parseOptions([...args]);
  expect(unknown).toEqual([]);
  return { operands, options: node.opts() };
}

/** As Compose and Kubernetes do with variables. */
const filledIn = (args: readonly string[] = []) =>
  args.map((word) =>
    word
      .replace(/\$\{SIMURGH_ENGINE:-(\w+)\}/, "$1")
      .replace("$(POD_NAME)", "chat-5d8f7c9b4-x2x9z")
      .replace("$(POD_IP)", "10.1.2.3"),
  );

describe("commands in deployment files", () => {
  it.each([
    ["the Dockerfile", lastOf(image, "CMD").words ?? []],
    ["docker-compose.yml", service?.command ?? []],
    ["the Deployment", container?.args ?? []],
  ])("are understood by simurgh node: %s", (_where, args) => {
    const { operands, options } = readArguments(filledIn(args));
    expect(operands).toEqual(["./dist/server.js"]);
    expect(options.host).toBe("0.0.0.0");
  });

  it("would not pass with an option or a value that there is not", () => {
    expect(() => readArguments(["--discover=carrier-pigeon:chat"])).toThrow("begins with one of");
    expect(() => readArguments(["--drain=1"])).toThrow();
  });

  it("start the program and the module that the package and the example have", () => {
    const [interpreter, program, subcommand] = lastOf(image, "ENTRYPOINT").words ?? [];
    const { bin } = JSON.parse(readText("package.json"));
    expect([interpreter, subcommand]).toEqual(["node", "node"]);
    expect(program).toBe(`/srv/app/node_modules/simurgh/${bin.simurgh}`);
    const app = lastOf(image, "ARG").text.replace("APP=", "");
    expect(readText(`${app}/src/server.ts`)).toContain("export default function");
  });
});

describe("time to end", () => {
  it("is enough for a drain: the whole of it is asked for", () => {
    for (const args of [service?.command, container?.args]) {
      expect(readArguments(filledIn(args)).options.drainTimeout).toBe(drainS);
    }
  });

  it("ends later than the node in docker-compose.yml", () => {
    expect(service?.stop_grace_period).toBe(`${endS}s`);
  });

  it("ends later than preStop and the node on Kubernetes", () => {
    const preStopS = container?.lifecycle?.preStop?.sleep?.seconds ?? 0;
    expect(preStopS).toBeGreaterThan(0);
    expect(pod?.terminationGracePeriodSeconds).toBe(preStopS + endS);
  });

  it("ends later than HAProxy lets its connections go", () => {
    const [, hardStopS = ""] = /hard-stop-after (\d+)s/.exec(haproxy) ?? [];
    expect(Number.parseInt(compose.services.haproxy?.stop_grace_period ?? "", 10)).toBeGreaterThan(
      Number(hardStopS),
    );
  });
});

describe("open files", () => {
  it("are enough for HAProxy, which needs two for each connection, and some", () => {
    const [, connectionsMax = ""] = /^ {4}maxconn (\d+)$/m.exec(haproxy) ?? [];
    expect(compose.services.haproxy?.ulimits?.nofile).toBeGreaterThan(2 * Number(connectionsMax) + 200);
  });
});

describe("ports", () => {
  const port = Number(/PORT=(\d+)/.exec(lastOf(image, "ENV").text)?.[1]);
  const meshPort = readArguments(filledIn(container?.args)).options.meshPort;

  it("are the same in the image, in docker-compose.yml and for HAProxy", () => {
    expect(lastOf(image, "EXPOSE").text).toBe(`${port} ${meshPort}`);
    expect(service?.environment?.PORT).toBe(port);
    const { options } = readArguments(filledIn(service?.command));
    expect(options.meshPort).toBe(meshPort);
    expect(options.discover).toMatchObject([{ text: `dns:node:${meshPort}` }]);
    expect(haproxy.match(/server-template node \d+ node:(\d+)$/gm)).toHaveLength(2);
    expect([...haproxy.matchAll(/ node:(\d+)$/gm)].map(([, at]) => Number(at))).toEqual([port, port]);
    const [, door] = /bind :(\d+)/.exec(haproxy) ?? [];
    expect(compose.services.haproxy?.ports?.[0]).toMatch(new RegExp(`:${door}$`));
  });

  it("are the same for the containers, the services and the policies of Kubernetes", () => {
    expect(container?.ports).toEqual([
      { name: "http", containerPort: port },
      { name: "mesh", containerPort: meshPort },
    ]);
    expect(readArguments(filledIn(container?.args)).options.port).toBe(port);
    const mesh = manifest<IService>("Service", "chat-mesh", "base/discovery.yaml");
    expect(mesh.spec?.ports).toMatchObject([{ name: "mesh", port: meshPort, targetPort: "mesh" }]);
    expect(mesh.spec?.clusterIP).toBe("None");
    const front = manifest<IService>("Service", "chat", "base/service.yaml");
    expect(front.spec?.ports).toMatchObject([{ targetPort: "http" }]);
    const policy = manifest<INetworkPolicy>("NetworkPolicy", "chat", "base/network-policy.yaml");
    expect(policy.spec?.ingress?.map((rule) => rule.ports?.map((one) => one.port))).toEqual([
      ["http"],
      ["mesh"],
    ]);
    // A rule without ports is one that lets everything through.
    for (const rule of policy.spec?.egress ?? []) expect(rule.ports?.length).toBeGreaterThan(0);
  });
});

describe("paths of probes", () => {
  it("are answered by a node", () => {
    const answered = [...readText("src/edges/transports/node-http.ts").matchAll(/path === "(\/\w+)"/g)];
    const paths = answered.map(([, path]) => path);
    expect(container?.readinessProbe?.httpGet?.path).toBe("/ready");
    for (const probe of [container?.startupProbe, container?.readinessProbe, container?.livenessProbe]) {
      expect(paths).toContain(probe?.httpGet?.path);
      expect(probe?.httpGet?.port).toBe("http");
    }
    const [, asked] = /PORT\}(\/\w+)`/.exec(lastOf(image, "HEALTHCHECK").words?.join(" ") ?? "") ?? [];
    expect(paths).toContain(asked);
  });
});

describe("names", () => {
  it("of variables are those that the program reads", () => {
    expect(Object.keys(service?.environment ?? {})).toEqual([
      "PORT",
      secretVariable,
      brokerNeeds.nats.variable,
    ]);
    const given = (container?.env ?? []).map(({ name }) => name);
    const used = container?.args?.flatMap((word) =>
      [...word.matchAll(/\$\((\w+)\)/g)].map(([, name]) => name),
    );
    expect(given).toEqual([...(used ?? []), secretVariable]);
  });

  it("of labels are the same wherever nodes are selected", () => {
    const labels = deployment.spec?.template.metadata?.labels;
    expect(deployment.spec?.selector.matchLabels).toEqual(labels);
    for (const [name, file] of [
      ["chat-mesh", "discovery"],
      ["chat", "service"],
    ] as const) {
      expect(manifest<IService>("Service", name, `base/${file}.yaml`).spec?.selector).toEqual(labels);
    }
    const budget = manifest<IPodDisruptionBudget>(
      "PodDisruptionBudget",
      "chat",
      "base/disruption-budget.yaml",
    );
    expect(budget.spec?.selector?.matchLabels).toEqual(labels);
    const policy = manifest<INetworkPolicy>("NetworkPolicy", "chat", "base/network-policy.yaml");
    expect(policy.spec?.podSelector?.matchLabels).toEqual(labels);
  });
});

describe("what a node may do", () => {
  it("is to list the endpoints that it finds others by, and nothing else", () => {
    const role = manifest<IRole>("Role", "chat-discovery", "base/discovery.yaml");
    expect(role.rules).toEqual([
      { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list"] },
    ]);
    const { roleRef, subjects } = manifest<IRoleBinding>(
      "RoleBinding",
      "chat-discovery",
      "base/discovery.yaml",
    );
    expect(roleRef).toMatchObject({ kind: "Role", name: "chat-discovery" });
    expect(subjects).toEqual([{ kind: "ServiceAccount", name: pod?.serviceAccountName }]);
    const { options } = readArguments(filledIn(container?.args));
    expect(options.discover).toMatchObject([{ text: "kubernetes:chat-mesh:mesh" }]);
  });

  it("is nothing of what root may, in the image, in docker-compose.yml and on Kubernetes", () => {
    expect(lastOf(image, "USER").text).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    expect(pod?.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: "RuntimeDefault" },
    });
    expect(container?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    for (const one of Object.values(compose.services)) {
      expect(one).toMatchObject({
        read_only: true,
        cap_drop: ["ALL"],
        security_opt: ["no-new-privileges:true"],
      });
    }
  });
});

describe("docs/deployment.md", () => {
  it("tells of every file", () => {
    const page = readText("docs/deployment.md");
    expect(
      deployFiles().filter((path) => !page.includes(path.replace(/^kubernetes\/(components\/)?/, ""))),
    ).toEqual([]);
  });
});

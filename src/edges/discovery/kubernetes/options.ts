import { invalidDiscovery, portNumber, positiveNumbers } from "../../../runtime/discovery/check.js";
import { SimurghError } from "../../../runtime/errors.js";
import { accountFolder, isLabel, originOf, serverInPod } from "../../../runtime/kubernetes/where.js";

/** How long the asking of Kubernetes waits for what. */
export interface KubernetesTiming {
  /** Between two looks; a random quarter more or less. */
  readonly periodMs: number;
  /** How long a whole look may take; then it has failed. */
  readonly lookMsMax: number;
  /** For how long at most the API may keep this node from asking again, when it is too busy. */
  readonly retryAfterMsMax: number;
  /** A fault of the same kind is logged once in this time. */
  readonly logRepeatMs: number;
}

/** What is bounded in the asking of Kubernetes. */
export interface KubernetesLimits {
  /** Bytes of one answer; a larger one is a failed look. */
  readonly answerBytesMax: number;
  /** Objects in one answer; the rest is asked for page by page. */
  readonly pageItems: number;
  /** Pages of one look; more are a failed look. */
  readonly pagesMax: number;
}

/** Settings of {@link kubernetes}. */
export interface KubernetesOptions {
  /** The service whose endpoints are nodes; best a headless one. */
  readonly service?: string;
  /** Instead of a service: a label selector of the EndpointSlices or of the pods, `app=chat,tier!=canary`. */
  readonly selector?: string;
  /** What the selector selects. Default: endpointslices. */
  readonly resource?: "endpointslices" | "pods";
  /** The port at which the nodes listen for each other: its number, or its name in the service or in the pods. */
  readonly port: number | string;
  /** Default: that of the service account. */
  readonly namespace?: string;
  /** Whether only nodes that are ready are seen. Default: false, for a node may become ready by meeting the others. */
  readonly readyOnly?: boolean;
  /** The API, `https://10.96.0.1:443`. Default: as the environment of every pod says. */
  readonly server?: string;
  /** The folder with `token`, `ca.crt` and `namespace`, which are read anew for each look, as they change. */
  readonly serviceAccount?: string;
  readonly timing?: Partial<KubernetesTiming>;
  readonly limits?: Partial<KubernetesLimits>;
}

/** Defaults of {@link KubernetesTiming}. */
export const kubernetesTiming: KubernetesTiming = {
  periodMs: 5_000,
  lookMsMax: 15_000,
  retryAfterMsMax: 60_000,
  logRepeatMs: 60_000,
};

/** Defaults of {@link KubernetesLimits}. */
export const kubernetesLimits: KubernetesLimits = {
  answerBytesMax: 16_777_216,
  pageItems: 500,
  pagesMax: 20,
};

function checkedLabel(option: string, value: string): string {
  if (isLabel(value)) return value;
  throw invalidDiscovery(`${option} must be a name of Kubernetes, not "${value}"`);
}

function checkedServer(server: string): string {
  const origin = originOf(server);
  if (origin !== undefined) return origin;
  throw invalidDiscovery(`server must be https://HOST:PORT, not "${server}"`);
}

function checkedSelector({ service, selector, resource = "endpointslices" }: KubernetesOptions): string {
  if ((service === undefined) === (selector === undefined)) {
    throw invalidDiscovery("kubernetes needs either a service or a selector");
  }
  if (service !== undefined && resource === "pods") {
    throw invalidDiscovery("pods are found by a selector, not by a service");
  }
  if (service !== undefined) return `kubernetes.io/service-name=${checkedLabel("service", service)}`;
  // What it means is the API's to judge; that is told by the first look.
  if (selector !== undefined && /^[\x21-\x7e][\x20-\x7e]{0,4095}$/.test(selector)) return selector;
  throw invalidDiscovery(`"${selector}" is no label selector`);
}

/** Options with every default filled in. Throws `discovery_config_invalid` for a value that cannot work. */
export function resolveKubernetes(options: KubernetesOptions) {
  const { resource = "endpointslices", port, namespace, readyOnly = false, server } = options;
  if (resource !== "endpointslices" && resource !== "pods") {
    throw invalidDiscovery(`resource must be endpointslices or pods, not ${String(resource)}`);
  }
  return {
    resource,
    selector: checkedSelector(options),
    port: typeof port === "number" ? portNumber("port", port) : checkedLabel("port", port),
    namespace: namespace === undefined ? undefined : checkedLabel("namespace", namespace),
    readyOnly,
    server: server === undefined ? undefined : checkedServer(server),
    serviceAccount: options.serviceAccount ?? accountFolder,
    timing: positiveNumbers("timing", kubernetesTiming, options.timing),
    limits: positiveNumbers("limits", kubernetesLimits, options.limits),
  };
}

/** What {@link resolveKubernetes} returns. */
export type KubernetesSettings = ReturnType<typeof resolveKubernetes>;

/** Where the API is by the environment of a pod. Throws `discovery_start_failed` outside of one. */
export function serverOfPod(env: Readonly<Record<string, string | undefined>>): string {
  const server = serverInPod(env);
  if (server !== undefined) return checkedServer(server);
  throw new SimurghError(
    "discovery_start_failed",
    "this is no pod of Kubernetes: KUBERNETES_SERVICE_HOST is not set, and no server is given",
  );
}

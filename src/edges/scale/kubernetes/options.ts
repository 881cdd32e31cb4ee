import { SimurghError } from "../../../runtime/errors.js";
import { accountFolder, isLabel, originOf, serverInPod } from "../../../runtime/kubernetes/where.js";

/** Settings of {@link kubernetes}. */
export interface KubernetesScaleOptions {
  /** The deployment whose pods are the nodes. */
  readonly deployment?: string;
  /** Instead of a deployment: a stateful set. It removes its highest pod, whichever node was chosen. */
  readonly statefulSet?: string;
  /** Default: that of the service account. */
  readonly namespace?: string;
  /** The API, `https://10.96.0.1:443`. Default: as the environment of every pod says. */
  readonly server?: string;
  /** The folder with `token`, `ca.crt` and `namespace`, which are read anew each time, as they change. */
  readonly serviceAccount?: string;
  /**
   * The pod of a node, by its name. Default: the pod whose name or address the node's name is, or ends with after `@`:
   * `n1@10.0.0.4`, `chat-7c9d8-x2x4q`.
   */
  readonly podOf?: (nodeName: string) => string;
  /** Milliseconds that one order may take, all its requests together. Default 10 000. */
  readonly timeoutMs?: number;
}

/** Options with every default filled in. Throws `scale_config_invalid` for a value that cannot work. */
export function resolveKubernetesScale(options: KubernetesScaleOptions) {
  const { deployment, statefulSet, namespace, server, podOf, timeoutMs = 10_000 } = options;
  if ((deployment === undefined) === (statefulSet === undefined)) {
    throw invalid("kubernetes needs either a deployment or a statefulSet");
  }
  if (!Number.isSafeInteger(timeoutMs) || timeoutMs < 100) {
    throw invalid(`timeoutMs must be a whole number >= 100, not ${timeoutMs}`);
  }
  return {
    resource: deployment === undefined ? "statefulsets" : "deployments",
    name: checked("name", deployment ?? statefulSet),
    namespace: namespace === undefined ? undefined : checked("namespace", namespace),
    server: checkedServer(server ?? serverInPod(process.env)),
    serviceAccount: options.serviceAccount ?? accountFolder,
    podOf,
    timeoutMs,
  };
}

/** What {@link resolveKubernetesScale} returns. */
export type KubernetesScaleSettings = ReturnType<typeof resolveKubernetesScale>;

function checked(option: string, value: string | undefined): string {
  if (value !== undefined && isLabel(value)) return value;
  throw invalid(`${option} must be a name of Kubernetes, not ${JSON.stringify(value)}`);
}

function checkedServer(server: string | undefined): string {
  if (server === undefined) {
    throw invalid("this is no pod of Kubernetes: KUBERNETES_SERVICE_HOST is not set, and no server is given");
  }
  const origin = originOf(server);
  if (origin !== undefined) return origin;
  throw invalid(`server must be https://HOST:PORT, not ${JSON.stringify(server)}`);
}

function invalid(message: string): SimurghError {
  return new SimurghError("scale_config_invalid", message);
}

import type { Logger } from "../../../contracts/logger.js";
import type { ScaleDriver, ScaleHost } from "../../../contracts/scale-driver.js";
import type { AutoscaleDecision } from "../../../core/autoscale/decide.js";
import { SimurghError } from "../../../runtime/errors.js";
import { type ApiAnswer, askApi } from "../../../runtime/kubernetes/api.js";
import { readServiceAccount, type ServiceAccount } from "../../../runtime/kubernetes/service-account.js";
import {
  type KubernetesScaleOptions,
  type KubernetesScaleSettings,
  resolveKubernetesScale,
} from "./options.js";
import { costAnnotation, type ReadPod, type ReadScale, readPods, readScale } from "./read-objects.js";

/** Bytes of one answer. */
const answerBytesMax = 16_777_216;
/** Pods that are looked at to find the one that is to go. */
const podsMax = 1_000;
/** Somebody else may change the scale between our look and our order; so often it is looked at anew. */
const attemptsMax = 3;
/** What the victim's deletion is said to cost; it is 0 for all others. */
const victimCost = "-1000";

/** One order, with what it needs of its moment. */
interface Order {
  readonly account: ServiceAccount;
  readonly signal: AbortSignal;
}

class KubernetesScale implements ScaleDriver {
  readonly kind = "kubernetes";
  /** A pod that is being deleted cannot be kept. */
  readonly recalls = false;
  readonly #settings: KubernetesScaleSettings;
  readonly #closing = new AbortController();
  #logger: Logger | undefined;

  constructor(options: KubernetesScaleOptions) {
    this.#settings = resolveKubernetesScale(options);
  }

  start({ logger }: ScaleHost): void {
    this.#logger = logger;
  }

  async apply(decision: AutoscaleDecision): Promise<void> {
    if (decision.action.kind === "hold") return;
    const { serviceAccount, namespace, timeoutMs } = this.#settings;
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(timeoutMs)]);
    try {
      const account = await readServiceAccount(serviceAccount, namespace);
      await this.#order(decision, { account, signal });
    } catch (cause) {
      if (cause instanceof SimurghError) throw cause;
      const why = signal.aborted ? `the API did not answer within ${timeoutMs} ms` : wordsOf(cause);
      throw failed(this.#closing.signal.aborted ? "the driver is closed" : why);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
  }

  async #order({ action, desired }: AutoscaleDecision, order: Order): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const scale = await this.#look(order);
      const drains = action.kind === "drain";
      const replicas = drains ? Math.min(scale.replicas, desired) : Math.max(scale.replicas, desired);
      if (replicas === scale.replicas) return;
      if (action.kind === "drain") await this.#chooseVictim(action.name, scale, order);
      const { resourceVersion } = scale;
      // With the version that was seen, so that it is refused when somebody else was quicker.
      const patch = { metadata: { resourceVersion }, spec: { replicas } };
      const answer = await this.#ask(this.#scaleUrl(order), order, patch);
      if (!("failure" in answer)) return;
      if (answer.status !== 409 || attempt === attemptsMax) throw failed(answer.failure);
    }
  }

  #scaleUrl({ account }: Order): URL {
    const { server, resource, name } = this.#settings;
    return new URL(`/apis/apps/v1/namespaces/${account.namespace}/${resource}/${name}/scale`, server);
  }

  async #look(order: Order): Promise<ReadScale> {
    const answer = await this.#ask(this.#scaleUrl(order), order);
    if ("failure" in answer) throw failed(answer.failure);
    const scale = readScale(answer.json);
    if (scale === undefined) throw failed("the answer of the API is no Scale");
    return scale;
  }

  /** Says of the victim's pod that its deletion is cheap. Where that cannot be said, Kubernetes chooses by itself. */
  async #chooseVictim(nodeName: string, { selector }: ReadScale, order: Order): Promise<void> {
    if (this.#settings.resource !== "deployments") return;
    const { server } = this.#settings;
    const url = new URL(`/api/v1/namespaces/${order.account.namespace}/pods`, server);
    url.searchParams.set("labelSelector", selector);
    url.searchParams.set("limit", String(podsMax));
    const answer = await this.#ask(url, order);
    const pods = "failure" in answer ? undefined : readPods(answer.json);
    if (pods === undefined) {
      return this.#unchosen(nodeName, "failure" in answer ? answer.failure : "the answer is no PodList");
    }
    const victim = this.#podOf(nodeName, pods);
    if (victim === undefined) return this.#unchosen(nodeName, "no pod has this name or address");
    // What an order that failed half-way has left behind would be chosen as well.
    const left = pods.filter((pod) => pod !== victim && !pod.isLeaving && pod.deletionCost === victimCost);
    for (const pod of left) await this.#setCost(pod, null, nodeName, order);
    if (victim.deletionCost !== victimCost) await this.#setCost(victim, victimCost, nodeName, order);
  }

  #podOf(nodeName: string, pods: readonly ReadPod[]): ReadPod | undefined {
    const { podOf } = this.#settings;
    const host = nodeName.slice(nodeName.lastIndexOf("@") + 1);
    const wanted = podOf === undefined ? [nodeName, host, host.split(".")[0]] : [podOf(nodeName)];
    return pods.find(
      ({ name, address }) => wanted.includes(name) || (podOf === undefined && address === host),
    );
  }

  async #setCost({ name }: ReadPod, cost: string | null, nodeName: string, order: Order): Promise<void> {
    const { namespace } = order.account;
    const url = new URL(`/api/v1/namespaces/${namespace}/pods/${name}`, this.#settings.server);
    const answer = await this.#ask(url, order, { metadata: { annotations: { [costAnnotation]: cost } } });
    if ("failure" in answer) this.#unchosen(nodeName, answer.failure);
  }

  #unchosen(node: string, reason: string): void {
    this.#logger?.warn("the pod that goes is left to Kubernetes to choose", { node, reason });
  }

  #ask(url: URL, { account, signal }: Order, patch?: unknown): Promise<ApiAnswer> {
    return askApi({ url, patch, bytesMax: answerBytesMax }, account, signal);
  }
}

function failed(why: string): SimurghError {
  return new SimurghError("scale_driver_failed", why);
}

function wordsOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/**
 * Sets the scale of a deployment or a stateful set. Of a deployment, the pod with the fewest connections is the one that
 * goes: it is told that by its deletion cost. Throws `scale_config_invalid`.
 */
export function kubernetes(options: KubernetesScaleOptions): ScaleDriver {
  return new KubernetesScale(options);
}

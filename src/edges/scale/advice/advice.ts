import { createHash, timingSafeEqual } from "node:crypto";
import type {
  KnownDecision,
  ScaleDriver,
  ScalePage,
  ScalePageRequest,
} from "../../../contracts/scale-driver.js";
import { SimurghError } from "../../../runtime/errors.js";

/** Settings of {@link advice}. */
export interface AdviceOptions {
  /** Where the endpoint's HTTP shows the advice. Default `/autoscale`; Prometheus reads `/autoscale/metrics`. */
  readonly path?: string;
  /**
   * What a reader must send as `authorization: Bearer …`: 20 characters at least. Needed unless `open` is true, as the
   * path is reached through the same door as the sockets.
   */
  readonly token?: string;
  /** Lets everybody read who reaches the node. Default: false. */
  readonly open?: boolean;
  /** An older decision is not shown: the reader must keep what it has. Default 60 000. */
  readonly ageMsMax?: number;
}

type Answer = ReturnType<ScalePage["answer"]>;

const plain = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };

/**
 * Starts nothing itself: shows how many nodes there should be, in JSON for KEDA's scaler `metrics-api` (and whoever
 * else asks), and as gauges for Prometheus. Every node shows the last decision. Throws `scale_config_invalid`.
 */
export function advice(options: AdviceOptions): ScaleDriver {
  const { path = "/autoscale", token, open = false, ageMsMax = 60_000 } = options;
  if (!/^(\/[\w.-]+)+$/.test(path))
    throw invalid(`path must be such as /autoscale, not ${JSON.stringify(path)}`);
  if (!Number.isSafeInteger(ageMsMax) || ageMsMax < 1_000)
    throw invalid("ageMsMax must be a whole number >= 1000");
  if (token !== undefined && !/^[\x21-\x7e]{20,}$/.test(token)) {
    throw invalid("token must be 20 visible ASCII characters at least");
  }
  if ((token === undefined) !== open) throw invalid("advice needs a token, or open: true, and not both");
  const page: ScalePage = {
    path,
    answer: (request, known) => refusalOf(request, token) ?? answerOf(request.rest, known, ageMsMax),
  };
  return { kind: "advice", recalls: false, page, apply: async () => {}, close: async () => {} };
}

function refusalOf(
  { method, authorization }: ScalePageRequest,
  token: string | undefined,
): Answer | undefined {
  if (token !== undefined && !isSame(authorization ?? "", `Bearer ${token}`)) {
    return { status: 401, headers: { ...plain, "www-authenticate": "Bearer" }, body: "a token is needed\n" };
  }
  if (method === "GET" || method === "HEAD") return undefined;
  return { status: 405, headers: { ...plain, allow: "GET, HEAD" }, body: "GET only\n" };
}

/** Compares without telling by the time it takes how much is right. */
function isSame(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

function answerOf(rest: string, known: KnownDecision | undefined, ageMsMax: number): Answer {
  if (rest === "/metrics") return metrics(known, ageMsMax);
  if (rest !== "") return { status: 404, headers: plain, body: "not found\n" };
  if (known === undefined) return { status: 503, headers: plain, body: "nothing was decided yet\n" };
  const { ageMs, decision } = known;
  if (ageMs > ageMsMax) return { status: 503, headers: plain, body: "the last decision is too old\n" };
  const { desired, current, action, restraints, wishes } = decision;
  const signals = Object.fromEntries(
    wishes.map(({ signal, nodes, usage, target, unmeasured }) => [
      signal,
      { nodes: nodes ?? null, usage: usage ?? null, target, unmeasured },
    ]),
  );
  const body = { desired, current, action: action.kind, ageMs: Math.round(ageMs), restraints, signals };
  const headers = { "content-type": "application/json", "cache-control": "no-store" };
  return { status: 200, headers, body: `${JSON.stringify(body)}\n` };
}

/** Prometheus' text format. A gauge that is not known is left out, so that it is absent rather than old. */
function metrics(known: KnownDecision | undefined, ageMsMax: number): Answer {
  const lines: string[] = [];
  const gauge = (
    name: string,
    help: string,
    samples: readonly (readonly [labels: string, value: number])[],
  ) => {
    if (samples.length === 0) return;
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} gauge`);
    for (const [labels, value] of samples) lines.push(`${name}${labels} ${value}`);
  };
  if (known !== undefined && known.ageMs <= ageMsMax) {
    const { decision, ageMs } = known;
    gauge("simurgh_autoscale_desired_nodes", "Nodes that there should be.", [["", decision.desired]]);
    gauge("simurgh_autoscale_current_nodes", "Nodes that start or are ready.", [["", decision.current]]);
    gauge("simurgh_autoscale_decision_age_seconds", "Time since the decision.", [["", ageMs / 1_000]]);
    const usages = decision.wishes.flatMap(({ signal, usage }) =>
      usage === undefined ? [] : [[`{signal="${signal}"}`, usage] as const],
    );
    gauge("simurgh_autoscale_usage", "Mean share of a node's capacity in use, by signal.", usages);
  }
  const headers = { ...plain, "content-type": "text/plain; version=0.0.4; charset=utf-8" };
  return { status: 200, headers, body: lines.map((line) => `${line}\n`).join("") };
}

function invalid(message: string): SimurghError {
  return new SimurghError("scale_config_invalid", message);
}

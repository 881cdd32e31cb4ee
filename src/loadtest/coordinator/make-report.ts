import { availableParallelism } from "node:os";
import type { Json } from "../../core/shared/json.js";
import { type Assertion, holds, parseAssertion } from "../report/assertion.js";
import {
  type AssertResult,
  type LoadReport,
  type RunEnd,
  type RunEvent,
  reportVersion,
} from "../report/report.js";
import type { LoadPlan } from "../scenario/plan.js";
import type { Collector } from "./collector.js";
import { judge } from "./verdict.js";
import type { PoolWorker } from "./worker-pool.js";

/** What a report is made of. */
export interface RunFacts {
  readonly plan: LoadPlan;
  readonly startedAt: string;
  readonly ended: RunEnd;
  readonly collector: Collector;
  readonly pool: readonly PoolWorker[];
  readonly events: readonly RunEvent[];
  readonly goUs: number | undefined;
  readonly publishedUntilUs: number | undefined;
  readonly joinedAtGo: number;
}

/** Puts the report of a run together. */
export function makeReport(facts: RunFacts): LoadReport {
  const { plan, collector, goUs, publishedUntilUs } = facts;
  const { figures, histograms } = collector.distributions();
  const timeline = collector.timeline();
  const totals = {
    counters: collector.counters,
    latencies: figures,
    throughput: throughputOf(facts),
    joined: facts.joinedAtGo,
    joinedMax: Math.max(0, ...timeline.map(({ joined }) => joined)),
    openMax: Math.max(0, ...timeline.map(({ open }) => open)),
  };
  const report: LoadReport = {
    format: "simurgh-load",
    version: reportVersion,
    name: plan.name,
    startedAt: facts.startedAt,
    verdict: judge({
      watches: collector.watches(goUs ?? 0, publishedUntilUs ?? Number.POSITIVE_INFINITY),
      sendLag: figures.sendLag,
      broadcast: figures.broadcast,
    }),
    ended: facts.ended,
    warnings: warningsOf(facts),
    scenario: withoutSecrets(plan),
    measuredFromS: goUs === undefined ? null : goUs / 1e6,
    measuredToS: publishedUntilUs === undefined ? null : publishedUntilUs / 1e6,
    totals,
    histograms,
    failures: collector.failures(),
    timeline,
    events: facts.events.toSorted((a, b) => a.atS - b.atS),
    workers: workersOf(facts),
    machine: {
      node: process.version,
      cpus: availableParallelism(),
      platform: `${process.platform} ${process.arch}`,
    },
    asserts: [],
    search: null,
  };
  return { ...report, asserts: judgeAsserts(report, plan.asserts) };
}

/** Looks all assertions up in a report. */
export function judgeAsserts(report: LoadReport, texts: readonly string[]): AssertResult[] {
  const parsed = texts.map(parseAssertion).filter((one): one is Assertion => typeof one !== "string");
  return parsed.map((assertion) => {
    const value = measuredBy(report, assertion);
    return { text: assertion.text, value, passed: value !== null && holds(assertion, value) };
  });
}

function measuredBy({ totals }: LoadReport, { subject }: Assertion): number | null {
  if ("counter" in subject) return totals.counters[subject.counter];
  if ("gauge" in subject) return totals[subject.gauge];
  return totals.latencies[subject.latency]?.[subject.stat] ?? (subject.stat === "count" ? 0 : null);
}

function throughputOf({ collector, goUs, publishedUntilUs }: RunFacts): number {
  if (goUs === undefined || publishedUntilUs === undefined) return 0;
  return collector.counters.delivered / Math.max(0.001, (publishedUntilUs - goUs) / 1e6);
}

function warningsOf({ plan, collector, ended, joinedAtGo, goUs, pool }: RunFacts): string[] {
  const { published, unsent, foreign } = collector.counters;
  const warnings: string[] = [];
  if (ended === "interrupted") warnings.push("The run was interrupted: the figures are those until then.");
  if (ended === "workers lost") warnings.push("A worker was lost: its clients are missing from its end on.");
  if (ended === "nobody joined")
    warnings.push("No client joined within the time for the ramp: nothing was published.");
  if (goUs !== undefined && joinedAtGo < plan.connections) {
    warnings.push(`Only ${joinedAtGo} of ${plan.connections} clients had joined when publishing began.`);
  }
  if (unsent > 0)
    warnings.push(`${unsent} messages were due while no client could send them (${published} were sent).`);
  if (foreign > 0) warnings.push(`${foreign} messages came to clients that are not in their topic.`);
  const errorUs = Math.max(0, ...pool.map(({ clockErrorUs }) => clockErrorUs));
  if (errorUs > 0) {
    warnings.push(
      `Latencies between workers of different machines may be off by ${Math.ceil(errorUs)} µs: their clocks.`,
    );
  }
  return warnings;
}

function workersOf({ collector, pool, plan }: RunFacts): LoadReport["workers"] {
  const watches = collector.watches(0, Number.POSITIVE_INFINITY);
  return pool.map(({ host, pid, clockErrorUs }, worker) => {
    const told = watches.get(worker) ?? [];
    const max = (values: readonly number[]) => Math.max(0, ...values);
    return {
      worker,
      host,
      pid,
      clients: Math.ceil((plan.connections - worker) / pool.length),
      cpuMean: told.reduce((sum, { cpu }) => sum + cpu, 0) / Math.max(1, told.length),
      cpuMax: max(told.map(({ cpu }) => cpu)),
      loopP99Ms: max(told.map(({ loopP99Ms }) => loopP99Ms)),
      loopMaxMs: max(told.map(({ loopMaxMs }) => loopMaxMs)),
      rssBytesMax: max(told.map(({ rssBytes }) => rssBytes)),
      clockErrorUs,
    };
  });
}

const secretName = /token|secret|passw|key|auth|cookie/i;

/** A report is passed around; what may be a secret is not in it. */
function withoutSecrets(plan: LoadPlan): LoadPlan {
  const hide = (values: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(values).map(([name, text]) => [name, hidden(name, text)]));
  return {
    ...plan,
    urls: plan.urls.map(hideInUrl),
    params: hide(plan.params),
    headers: hide(plan.headers),
    authToken: plan.authToken === null ? null : "[hidden]",
    tokens: plan.tokens.length > 0 ? [`[${plan.tokens.length} hidden]`] : [],
    topics: { ...plan.topics, join: hideWithin(plan.topics.join) },
    presence: { ...plan.presence, payload: hideWithin(plan.presence.payload) },
  };
}

function hidden(name: string, text: string): string {
  return secretName.test(name) ? "[hidden]" : text;
}

function hideInUrl(text: string): string {
  const url = new URL(text);
  if (url.password !== "") url.password = "hidden";
  for (const [name, value] of [...url.searchParams]) url.searchParams.set(name, hidden(name, value));
  return url.href;
}

function hideWithin(value: Json): Json {
  if (Array.isArray(value)) return value.map((item: Json) => hideWithin(item));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(
    ([name, item]: [string, Json]) =>
      [name, typeof item === "string" ? hidden(name, item) : hideWithin(item)] as const,
  );
  return Object.fromEntries(entries);
}

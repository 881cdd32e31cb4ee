import { durationMs } from "../scenario/durations.js";
import {
  type CounterName,
  counterNames,
  distributionStats,
  type LatencyName,
  latencyNames,
} from "./metrics.js";

/** Where an assertion looks its value up. */
export type AssertionSubject =
  | { readonly counter: CounterName }
  | { readonly latency: LatencyName; readonly stat: (typeof distributionStats)[number] }
  | { readonly gauge: (typeof gaugeNames)[number] };

/** What may be asserted besides counters and latencies. */
export const gaugeNames = ["joined", "throughput"] as const;

/** `broadcast.p99 < 50ms`, taken apart. */
export interface Assertion {
  readonly text: string;
  readonly subject: AssertionSubject;
  readonly compare: Comparison;
  /** Milliseconds for a latency. */
  readonly bound: number;
}

const comparisons = {
  "<": (a: number, b: number) => a < b,
  "<=": (a: number, b: number) => a <= b,
  ">": (a: number, b: number) => a > b,
  ">=": (a: number, b: number) => a >= b,
  "==": (a: number, b: number) => a === b,
  "!=": (a: number, b: number) => a !== b,
} as const;
type Comparison = keyof typeof comparisons;

/** Whether a value keeps an assertion. */
export function holds({ compare, bound }: Assertion, value: number): boolean {
  return comparisons[compare](value, bound);
}

/** Takes an assertion apart; a text says what was expected instead. */
export function parseAssertion(text: string): Assertion | string {
  const [, name = "", compare = "", value = ""] =
    /^\s*([\w.]+)\s*(<=|>=|==|!=|<|>)\s*(\S+)\s*$/.exec(text) ?? [];
  if (name === "") return 'a condition such as "broadcast.p99 < 50ms" or "lost == 0"';
  const subject = subjectOf(name);
  if (subject === undefined) {
    return `a counter (${counterNames.join(", ")}), ${gaugeNames.join(", ")}, or a latency (${latencyNames.join(", ")}) with one of .${distributionStats.join(" .")}`;
  }
  const isTime = "latency" in subject && subject.stat !== "count";
  const bound = isTime ? durationMs(/^[\d.]+$/.test(value) ? Number(value) : value) : numberOf(value);
  if (bound === undefined) return isTime ? "a time such as 50ms after the comparison" : "a number after it";
  const known = Object.keys(comparisons).find((one): one is Comparison => one === compare);
  return known === undefined ? "a comparison" : { text: text.trim(), subject, compare: known, bound };
}

function numberOf(text: string): number | undefined {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

function subjectOf(name: string): AssertionSubject | undefined {
  const counter = counterNames.find((one) => one === name);
  if (counter !== undefined) return { counter };
  const gauge = gaugeNames.find((one) => one === name);
  if (gauge !== undefined) return { gauge };
  const [first = "", ...rest] = name.split(".");
  const wanted = rest.join(".") === "p99.9" ? "p999" : rest.join(".");
  const latency = latencyNames.find((one) => one === first);
  const stat = distributionStats.find((one) => one === wanted);
  return latency === undefined || stat === undefined ? undefined : { latency, stat };
}

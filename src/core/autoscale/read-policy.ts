import { isRecord } from "../shared/json.js";
import { type AutoscalePolicy, type Pace, policyDefaults, type SignalTarget } from "./policy.js";
import { type SignalName, signalNames } from "./signal.js";

/** One thing that is wrong with a policy: the path of the field, and what was expected. */
export interface PolicyProblem {
  readonly field: string;
  readonly why: string;
}

/** A policy that can work, or everything that is wrong with it. */
export type ReadPolicy =
  | { readonly ok: true; readonly policy: AutoscalePolicy }
  | { readonly ok: false; readonly problems: readonly PolicyProblem[] };

interface NumberRule {
  readonly least: number;
  readonly most: number;
  readonly whole?: boolean;
  readonly above?: boolean;
}

const hourMs = 3_600_000;
const duration: NumberRule = { least: 0, most: hourMs, whole: true };
const nodes: NumberRule = { least: 1, most: 1_000, whole: true };

const paceRules: Readonly<Record<keyof Pace, NumberRule>> = {
  stabilisationMs: duration,
  stepNodes: nodes,
  stepPercent: { least: 0, most: 1_000 },
  stepPeriodMs: { ...duration, least: 1_000 },
  coolDownMs: duration,
};

const numberRules = {
  minNodes: nodes,
  maxNodes: nodes,
  tolerance: { least: 0, most: 0.5 },
  spareNodes: { least: 0, most: 100, whole: true },
  metricAgeMaxMs: { ...duration, least: 1_000 },
} as const satisfies Record<string, NumberRule>;

const signalRules: Readonly<Record<keyof SignalTarget, NumberRule>> = {
  capacity: { least: 0, most: Number.MAX_SAFE_INTEGER, above: true },
  target: { least: 0, most: 1, above: true },
};

/** Fills in defaults and checks a policy as it stands in a file: every field, and how they fit together. */
export function readPolicy(given: unknown): ReadPolicy {
  const problems: PolicyProblem[] = [];
  const source = section(given, "", problems);
  unknownFields(source, "", Object.keys(policyDefaults), problems);
  const numbers = readNumbers(source, "", numberRules, policyDefaults, problems);
  const signals = readSignals(source.signals, problems);
  const scaleOut = readPace(source.scaleOut, "scaleOut", policyDefaults.scaleOut, problems);
  const scaleIn = readPace(source.scaleIn, "scaleIn", policyDefaults.scaleIn, problems);
  const policy: AutoscalePolicy = { ...numbers, signals, scaleOut, scaleIn };
  if (policy.minNodes > policy.maxNodes) {
    problems.push({ field: "maxNodes", why: "must not be less than minNodes" });
  }
  return problems.length === 0 ? { ok: true, policy } : { ok: false, problems };
}

function readSignals(given: unknown, problems: PolicyProblem[]): AutoscalePolicy["signals"] {
  if (given === undefined) return policyDefaults.signals;
  const source = section(given, "signals", problems);
  unknownFields(source, "signals", signalNames, problems);
  const signals: { [Name in SignalName]?: SignalTarget } = {};
  for (const name of signalNames) {
    if (source[name] === undefined) continue;
    const field = `signals.${name}`;
    const one = section(source[name], field, problems);
    unknownFields(one, field, Object.keys(signalRules), problems);
    const basis = policyDefaults.signals[name] ?? { capacity: 0, target: 0.7 };
    signals[name] = readNumbers(one, field, signalRules, basis, problems);
  }
  if (Object.keys(signals).length === 0) {
    problems.push({ field: "signals", why: `must name at least one of ${signalNames.join(", ")}` });
  }
  return signals;
}

function readPace(given: unknown, field: string, basis: Pace, problems: PolicyProblem[]): Pace {
  const source = section(given ?? {}, field, problems);
  unknownFields(source, field, Object.keys(paceRules), problems);
  return readNumbers(source, field, paceRules, basis, problems);
}

function section(
  given: unknown,
  field: string,
  problems: PolicyProblem[],
): Readonly<Record<string, unknown>> {
  if (isRecord(given)) return given;
  problems.push({ field: field === "" ? "policy" : field, why: "must be an object" });
  return {};
}

function unknownFields(
  source: Readonly<Record<string, unknown>>,
  field: string,
  known: readonly string[],
  problems: PolicyProblem[],
): void {
  for (const name of Object.keys(source)) {
    if (!known.includes(name)) {
      problems.push({ field: join(field, name), why: `is not known; known are ${known.join(", ")}` });
    }
  }
}

function readNumbers<Name extends string>(
  source: Readonly<Record<string, unknown>>,
  field: string,
  rules: Readonly<Record<Name, NumberRule>>,
  basis: Readonly<Record<NoInfer<Name>, number>>,
  problems: PolicyProblem[],
): Record<Name, number> {
  const numbers: Record<Name, number> = { ...basis };
  // A cast, as Object.keys forgets the names of its argument; `rules` has no others.
  for (const name of Object.keys(rules) as Name[]) {
    const value = source[name] === undefined ? basis[name] : source[name];
    const why = faultOf(value, rules[name]);
    if (why === undefined) numbers[name] = Number(value);
    else problems.push({ field: join(field, name), why });
  }
  return numbers;
}

function faultOf(
  value: unknown,
  { least, most, whole = false, above = false }: NumberRule,
): string | undefined {
  const fits =
    typeof value === "number" &&
    value <= most &&
    (above ? value > least : value >= least) &&
    (!whole || Number.isSafeInteger(value));
  if (fits) return undefined;
  const kind = whole ? "a whole number" : "a number";
  const range = above ? `above ${least} and up to ${most}` : `from ${least} to ${most}`;
  return `must be ${kind} ${range}`;
}

function join(field: string, name: string): string {
  return field === "" ? name : `${field}.${name}`;
}

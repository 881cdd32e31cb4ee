import type { AutoscaleAction, AutoscaleDecision, Restraint } from "../../core/autoscale/decide.js";
import type { AutoscaleHistory } from "../../core/autoscale/history.js";
import { type SignalName, signalNames } from "../../core/autoscale/signal.js";
import type { SignalWish } from "../../core/autoscale/wish.js";
import type { Orders } from "./orders.js";

/** What the leader knows, and tells the others after each decision: any of them can go on with it. */
export interface AutoscaleState {
  /** Who decided. */
  readonly leader: string;
  readonly decision: AutoscaleDecision;
  readonly history: AutoscaleHistory;
  readonly orders: Orders;
  /** Decisions that the driver could not carry out. */
  readonly failures: number;
  /** Why it could not carry out this one; undefined: it could. */
  readonly fault: string | undefined;
}

/** Entries of a list that are read; a fleet has 1,000 nodes at most. */
const entriesMax = 4_096;
/** Characters of a text that are read. */
const textMax = 1_024;

/** Writes a state. Clocks of nodes do not agree, so its times are written as how long ago they were. */
export function encodeState(state: AutoscaleState, nowMs: number): Uint8Array {
  return Buffer.from(JSON.stringify(shifted(state, -nowMs)));
}

/** Reads the state of another node into times of this one. Undefined: it is none. */
export function decodeState(bytes: Uint8Array, nowMs: number): AutoscaleState | undefined {
  try {
    return shifted(readState(JSON.parse(Buffer.from(bytes).toString())), nowMs);
  } catch (error) {
    if (error instanceof Unreadable || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function shifted(state: AutoscaleState, byMs: number): AutoscaleState {
  const move = <Entry extends { readonly atMs: number }>(entry: Entry): Entry => ({
    ...entry,
    atMs: entry.atMs + byMs,
  });
  const { decision, history, orders } = state;
  const { awaited } = orders;
  return {
    ...state,
    decision: move(decision),
    history: {
      largest: history.largest.map(move),
      smallest: history.smallest.map(move),
      changes: history.changes.map(move),
    },
    orders: { awaited: awaited === undefined ? undefined : move(awaited), away: orders.away.map(move) },
  };
}

/** What was read is not a state; caught where the reading began. */
class Unreadable extends Error {}

function readState(value: unknown): AutoscaleState {
  const { leader, decision, history, orders, failures, fault } = record(value);
  const { largest, smallest, changes } = record(history);
  const { awaited, away } = record(orders);
  const sized = (one: unknown) => ({ nodes: number(record(one).nodes), atMs: number(record(one).atMs) });
  return {
    leader: text(leader),
    decision: readDecision(record(decision)),
    history: {
      largest: list(largest, sized),
      smallest: list(smallest, sized),
      changes: list(changes, sized),
    },
    orders: {
      awaited: awaited === undefined ? undefined : sized(awaited),
      away: list(away, (one) => ({ name: text(record(one).name), atMs: number(record(one).atMs) })),
    },
    failures: number(failures),
    fault: fault === undefined ? undefined : text(fault),
  };
}

function readDecision(value: Readonly<Record<string, unknown>>): AutoscaleDecision {
  return {
    atMs: number(value.atMs),
    current: number(value.current),
    desired: number(value.desired),
    action: readAction(record(value.action)),
    wishes: list(value.wishes, (one) => readWish(record(one))),
    restraints: list(value.restraints, (one) => oneOf(restraints, one)),
  };
}

const restraints = [
  "min_nodes",
  "max_nodes",
  "stabilisation",
  "step",
  "cool_down",
  "unmeasured",
  "drain_in_progress",
] as const satisfies readonly Restraint[];

function readAction(value: Readonly<Record<string, unknown>>): AutoscaleAction {
  switch (value.kind) {
    case "hold":
      return { kind: "hold" };
    case "add":
      return { kind: "add", count: number(value.count) };
    case "keep":
      return { kind: "keep", names: list(value.names, text), add: number(value.add) };
    case "drain":
      return { kind: "drain", name: text(value.name) };
    default:
      throw new Unreadable();
  }
}

function readWish(value: Readonly<Record<string, unknown>>): SignalWish {
  return {
    signal: oneOf<SignalName>(signalNames, value.signal),
    nodes: value.nodes === undefined ? undefined : number(value.nodes),
    usage: value.usage === undefined ? undefined : number(value.usage),
    target: number(value.target),
    unmeasured: list(value.unmeasured, text),
  };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Unreadable();
  // A cast, as an object's fields are unknown until each is read.
  return value as Readonly<Record<string, unknown>>;
}

function list<Item>(value: unknown, read: (one: unknown) => Item): Item[] {
  if (!Array.isArray(value) || value.length > entriesMax) throw new Unreadable();
  return value.map((one: unknown) => read(one));
}

function number(value: unknown): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new Unreadable();
}

function text(value: unknown): string {
  if (typeof value === "string" && value.length <= textMax) return value;
  throw new Unreadable();
}

function oneOf<Value extends string>(known: readonly Value[], value: unknown): Value {
  const found = known.find((one) => one === value);
  if (found === undefined) throw new Unreadable();
  return found;
}

/** A wish, and when it was made. */
export interface Wish {
  readonly atMs: number;
  readonly nodes: number;
}

/** A change that was ordered: nodes added, or below zero nodes removed. */
export interface Change {
  readonly atMs: number;
  readonly nodes: number;
}

/**
 * What a decision must remember of those before it. Plain data: it can be kept, sent and read back. The wishes are
 * kept as running extremes, so none of the lists is longer than the largest fleet is large.
 */
export interface AutoscaleHistory {
  /** Falling: the first is the largest wish of the window for shrinking. */
  readonly largest: readonly Wish[];
  /** Rising: the first is the smallest wish of the window for growing. */
  readonly smallest: readonly Wish[];
  /** Changes of the last step period of their direction. */
  readonly changes: readonly Change[];
}

/**
 * The history of one who has just begun to decide. The present size counts as a wish, so that a new leader does not
 * shrink the fleet before it has watched it for a whole window.
 */
export function beginHistory(nowMs: number, current: number): AutoscaleHistory {
  const wish = { atMs: nowMs, nodes: current };
  return { largest: [wish], smallest: [wish], changes: [] };
}

/** Adds a wish and forgets what fell out of the windows. */
export function withWish(
  history: AutoscaleHistory,
  nowMs: number,
  nodes: number,
  windows: { readonly outMs: number; readonly inMs: number },
): AutoscaleHistory {
  const wish = { atMs: nowMs, nodes };
  const largest = history.largest.filter((old) => old.nodes > nodes && old.atMs > nowMs - windows.inMs);
  const smallest = history.smallest.filter((old) => old.nodes < nodes && old.atMs > nowMs - windows.outMs);
  return { largest: [...largest, wish], smallest: [...smallest, wish], changes: history.changes };
}

/** Notes a change that was ordered, and forgets those older than `keepMs`. */
export function withChange(
  history: AutoscaleHistory,
  nowMs: number,
  nodes: number,
  keepMs: number,
): AutoscaleHistory {
  const changes = history.changes.filter(({ atMs }) => atMs >= nowMs - keepMs);
  return { ...history, changes: [...changes, { atMs: nowMs, nodes }] };
}

/** The history after a change that could not be made: the wishes stay, the change has not come about. */
export function withoutChange(
  history: AutoscaleHistory,
  before: AutoscaleHistory | undefined,
): AutoscaleHistory {
  return { ...history, changes: before?.changes ?? [] };
}

/** Nodes added (`sign` 1) or removed (`sign` -1) in the last `periodMs`. */
export function changedWithin(
  history: AutoscaleHistory,
  nowMs: number,
  sign: 1 | -1,
  periodMs: number,
): number {
  let total = 0;
  for (const { atMs, nodes } of history.changes) {
    if (Math.sign(nodes) === sign && atMs > nowMs - periodMs) total += Math.abs(nodes);
  }
  return total;
}

/** When the last change in that direction was ordered. */
export function lastChangeAtMs(history: AutoscaleHistory, sign: 1 | -1): number | undefined {
  return history.changes.findLast(({ nodes }) => Math.sign(nodes) === sign)?.atMs;
}

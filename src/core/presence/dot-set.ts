/** Pairs of first and last dot, both included: sorted, apart from each other. `[2, 4, 7, 7]` is 2, 3, 4 and 7. */
export type Runs = readonly number[];

/**
 * The dots of one replica known beyond its contiguous prefix: the cloud. Kept as runs, so that its size depends on
 * the number of gaps and not on how many dots lie behind them.
 */
export class DotSet {
  #runs: number[] = [];

  get runs(): Runs {
    return this.#runs;
  }

  get runCount(): number {
    return this.#runs.length / 2;
  }

  has(dot: number): boolean {
    return this.coversRange(dot, dot);
  }

  /** Whether all of `first` to `last` are in the set. */
  coversRange(first: number, last: number): boolean {
    const at = runIndex(this.#runs, first);
    return at < this.#runs.length && start(this.#runs, at) <= first && end(this.#runs, at) >= last;
  }

  add(first: number, last: number): void {
    const runs = this.#runs;
    const from = runIndex(runs, first - 1);
    let until = from;
    let low = first;
    let high = last;
    while (until < runs.length && start(runs, until) <= last + 1) {
      low = Math.min(low, start(runs, until));
      high = Math.max(high, end(runs, until));
      until += 2;
    }
    runs.splice(from, until - from, low, high);
  }

  /** Removes what `prefix` covers or reaches; returns how far the prefix now goes. */
  compact(prefix: number): number {
    const runs = this.#runs;
    let reached = prefix;
    let taken = 0;
    while (taken < runs.length && start(runs, taken) <= reached + 1) {
      reached = Math.max(reached, end(runs, taken));
      taken += 2;
    }
    if (taken > 0) this.#runs = runs.slice(taken);
    return reached;
  }
}

/** Builds runs out of dots in any order; repeated dots count once. */
export function runsOf(dots: number[]): number[] {
  dots.sort((a, b) => a - b);
  const runs: number[] = [];
  for (const dot of dots) {
    const last = runs.length - 1;
    if (last > 0 && end(runs, last - 1) >= dot - 1) runs[last] = dot;
    else runs.push(dot, dot);
  }
  return runs;
}

/** Index of the first run that ends at `dot` or later; the length when there is none. */
function runIndex(runs: Runs, dot: number): number {
  let low = 0;
  let high = runs.length / 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (end(runs, middle * 2) < dot) low = middle + 1;
    else high = middle;
  }
  return low * 2;
}

/** First dot of the run at `index`. */
export function start(runs: Runs, index: number): number {
  return runs[index] ?? Number.POSITIVE_INFINITY;
}

/** Last dot of the run at `index`. */
export function end(runs: Runs, index: number): number {
  return runs[index + 1] ?? Number.POSITIVE_INFINITY;
}

/** How many clients want to be connected from `atMs` on, until the next point. */
export interface TracePoint {
  readonly atMs: number;
  readonly connections: number;
}

/** A load to replay; the points rise in time, the first is at 0. */
export type LoadTrace = readonly TracePoint[];

/** A trace, or the line of the text that is wrong and why. */
export type ReadTrace =
  | { readonly ok: true; readonly trace: LoadTrace }
  | { readonly ok: false; readonly line: number; readonly why: string };

/** Points of a trace at most: a week in steps of a second fits. */
export const tracePointsMax = 700_000;

/** Reads lines of `seconds,connections`, with or without a heading. Empty lines and `#` comments are skipped. */
export function readTrace(text: string): ReadTrace {
  const trace: TracePoint[] = [];
  const lines = text.split(/\r?\n/);
  for (const [index, raw] of lines.entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || (index === 0 && /^seconds\s*,\s*connections$/i.test(line)))
      continue;
    const why = addPoint(trace, line.split(","));
    if (why !== undefined) return { ok: false, line: index + 1, why };
  }
  if (trace.length === 0)
    return { ok: false, line: lines.length, why: "there is no line `seconds,connections`" };
  return { ok: true, trace };
}

function addPoint(trace: TracePoint[], cells: readonly string[]): string | undefined {
  const [seconds, connections] = cells.map((cell) => (cell.trim() === "" ? Number.NaN : Number(cell)));
  if (cells.length !== 2 || seconds === undefined || connections === undefined) {
    return "expected two numbers, `seconds,connections`";
  }
  if (!Number.isFinite(seconds) || seconds < 0) return "seconds must be a number of at least 0";
  if (!Number.isSafeInteger(connections) || connections < 0) {
    return "connections must be a whole number of at least 0";
  }
  const last = trace.at(-1);
  if (last === undefined && seconds !== 0) return "the first line must be at 0 seconds";
  if (last !== undefined && seconds * 1_000 <= last.atMs) return "seconds must rise from line to line";
  if (trace.length === tracePointsMax) return `a trace has ${tracePointsMax} lines at most`;
  trace.push({ atMs: seconds * 1_000, connections });
  return undefined;
}

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

/** A day as most services know it: quiet at night, twice as steep in the morning as in the evening. */
export function dailyWave(options: { readonly low: number; readonly high: number }): LoadTrace {
  const points: TracePoint[] = [];
  for (let atMs = 0; atMs <= dayMs; atMs += minuteMs) {
    const turn = (atMs / dayMs) * 2 * Math.PI;
    const wave = (1 - Math.cos(turn + 0.5 * Math.sin(turn))) / 2;
    points.push({ atMs, connections: Math.round(options.low + (options.high - options.low) * wave) });
  }
  return points;
}

/** Quiet, then everybody at once: up within `riseMs`, there for `stayMs`, and away within twice `riseMs`. */
export function flashCrowd(options: {
  readonly low: number;
  readonly high: number;
  readonly riseMs: number;
  readonly stayMs: number;
}): LoadTrace {
  const { low, high, riseMs, stayMs } = options;
  const beginMs = 5 * minuteMs;
  const fallAtMs = beginMs + riseMs + stayMs;
  const endMs = fallAtMs + 2 * riseMs + 30 * minuteMs;
  const points: TracePoint[] = [];
  for (let atMs = 0; atMs <= endMs; atMs += 1_000) {
    const up = Math.min(1, Math.max(0, (atMs - beginMs) / riseMs));
    const down = Math.min(1, Math.max(0, (atMs - fallAtMs) / (2 * riseMs)));
    points.push({ atMs, connections: Math.round(low + (high - low) * Math.min(up, 1 - down)) });
  }
  return points;
}

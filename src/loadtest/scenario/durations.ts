const unitMs: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Milliseconds of `250ms`, `10s`, `1.5m`, `2h`, or of a number of milliseconds; undefined when it is neither. */
export function durationMs(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) && value >= 0 ? value : undefined;
  if (typeof value !== "string") return undefined;
  const [, digits = "", unit = "ms"] = /^(\d+(?:\.\d+)?)\s*(us|ms|s|m|h)?$/.exec(value.trim()) ?? [];
  const factor = unitMs[unit];
  return digits === "" || factor === undefined ? undefined : Number(digits) * factor;
}

/** Milliseconds in the unit that reads best: `850 µs`, `12.3 ms`, `4.56 s`. */
export function formatMs(valueMs: number): string {
  if (!Number.isFinite(valueMs)) return "-";
  if (valueMs < 1) return `${Math.round(valueMs * 1_000)} µs`;
  if (valueMs < 1_000) return `${valueMs.toPrecision(3)} ms`;
  return `${(valueMs / 1_000).toPrecision(3)} s`;
}

/** Maps values to positions, with the values at which lines are drawn. */
export interface Scale {
  at(value: number): number;
  readonly ticks: readonly number[];
}

const niceSteps = [1, 2, 2.5, 5, 10];

/** A scale from 0 to a round number above `max`, over `length` pixels. */
export function linearScale(max: number, length: number, tickCount = 4): Scale {
  const rough = Math.max(max, 1e-9) / tickCount;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = (niceSteps.find((nice) => nice * power >= rough * 0.999) ?? 10) * power;
  const count = Math.max(1, Math.ceil(max / step - 1e-9));
  const top = count * step;
  return {
    at: (value) => (value / top) * length,
    ticks: Array.from({ length: count + 1 }, (_, n) => Number((n * step).toPrecision(12))),
  };
}

/** A scale by powers of ten around all values, over `length` pixels. */
export function logScale(min: number, max: number, length: number): Scale {
  const low = Math.floor(Math.log10(Math.max(min, 1e-6)) + 1e-9);
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(max, 1e-6)) - 1e-9));
  const at = (value: number) => ((Math.log10(Math.max(value, 10 ** low)) - low) / (high - low)) * length;
  return { at, ticks: Array.from({ length: high - low + 1 }, (_, n) => 10 ** (low + n)) };
}

/**
 * Microseconds of a clock that all processes of this machine share and nobody sets (the system's monotonic one).
 * `performance.now` alone counts from the start of its process.
 */
const offsetUs = Number(process.hrtime.bigint() / 1_000n) - performance.now() * 1_000;

/** The time, in microseconds. */
export function nowUs(): number {
  return performance.now() * 1_000 + offsetUs;
}

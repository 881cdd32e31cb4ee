import { SimurghError } from "../errors.js";

/** The error for an option that cannot work. */
export function invalidDiscovery(message: string): SimurghError {
  return new SimurghError("discovery_config_invalid", message);
}

/** Defaults overlaid by what was given; undefined gives way. Each must be a positive whole number. */
export function positiveNumbers<T extends { readonly [name in keyof T]: number }>(
  group: string,
  defaults: T,
  given: Partial<T> | undefined,
): T {
  const values = { ...defaults };
  for (const [name, value] of Object.entries(given ?? {})) {
    if (value === undefined) continue;
    if (!(name in defaults)) throw invalidDiscovery(`${group}.${name} is no option`);
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value <= 0) {
      throw invalidDiscovery(`${group}.${name} must be a positive whole number, not ${String(value)}`);
    }
    Object.assign(values, { [name]: value });
  }
  return values;
}

/** A port that can be dialled. */
export function portNumber(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= 65_535) return value;
  throw invalidDiscovery(`${name} must be a port from 1 to 65535, not ${String(value)}`);
}

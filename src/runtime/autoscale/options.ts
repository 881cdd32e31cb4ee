import type { ScaleDriver } from "../../contracts/scale-driver.js";
import type { AutoscalePolicy, AutoscalePolicyInput } from "../../core/autoscale/policy.js";
import { readPolicy } from "../../core/autoscale/read-policy.js";
import { SimurghError } from "../errors.js";

/** When the fleet grows and shrinks by itself, and who makes it so. The same on all nodes. */
export interface AutoscaleOptions {
  /** `docs/autoscaling.md` describes each field. Default: that of every field. */
  readonly policy?: AutoscalePolicyInput;
  /** What starts nodes and has them go, such as `kubernetes(…)` or `command(…)` from `simurgh/scale`. */
  readonly driver: ScaleDriver;
  /** Milliseconds between two decisions. Default 5 000. */
  readonly intervalMs?: number;
  /**
   * Milliseconds in which a node that was ordered must have come, and one that was sent away must have begun to
   * drain; until then it counts as starting or draining. After that it is ordered anew. Default 120 000.
   */
  readonly orderMsMax?: number;
}

/** Options with every default filled in. */
export interface AutoscaleSettings {
  readonly policy: AutoscalePolicy;
  readonly driver: ScaleDriver;
  readonly intervalMs: number;
  readonly orderMsMax: number;
}

/** Throws `scale_config_invalid` for options that cannot work; of a policy, it names every field that is wrong. */
export function resolveAutoscale({
  policy = {},
  driver,
  intervalMs = 5_000,
  orderMsMax = 120_000,
}: AutoscaleOptions): AutoscaleSettings {
  const read = readPolicy(policy);
  if (!read.ok) {
    const problems = read.problems.map(({ field, why }) => `${field} ${why}`);
    throw new SimurghError("scale_config_invalid", `the policy cannot work: ${problems.join("; ")}`);
  }
  return {
    policy: read.policy,
    driver,
    intervalMs: duration("intervalMs", intervalMs, 100),
    orderMsMax: duration("orderMsMax", orderMsMax, 1_000),
  };
}

function duration(name: string, value: number, min: number): number {
  if (Number.isSafeInteger(value) && value >= min && value <= 3_600_000) return value;
  throw new SimurghError(
    "scale_config_invalid",
    `autoscale.${name} must be a whole number from ${min} to 3600000, not ${value}`,
  );
}

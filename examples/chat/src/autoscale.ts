import type { AutoscaleOptions } from "simurgh";
import { advice } from "simurgh/scale";

/**
 * With a token in the environment the nodes say how many of them there should be, to whoever has the token: it is
 * somebody else, such as Kubernetes, who starts and ends them.
 */
export function autoscaleOptions(env: NodeJS.ProcessEnv): { autoscale?: AutoscaleOptions } {
  const token = env.AUTOSCALE_TOKEN;
  if (token === undefined || token === "") return {};
  return { autoscale: { policy: { minNodes: 2, maxNodes: 20 }, driver: advice({ token }) } };
}

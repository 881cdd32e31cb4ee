/** Drivers that make a fleet what its autoscaler decided, for the `autoscale` option of an endpoint. */

export type {
  KnownDecision,
  ScaleDriver,
  ScaleHost,
  ScalePage,
  ScalePageRequest,
} from "./contracts/scale-driver.js";
export { type AdviceOptions, advice } from "./edges/scale/advice/advice.js";
export { type CommandOptions, command } from "./edges/scale/command/command.js";
export { kubernetes } from "./edges/scale/kubernetes/kubernetes.js";
export type { KubernetesScaleOptions } from "./edges/scale/kubernetes/options.js";

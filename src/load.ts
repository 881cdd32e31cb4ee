export type { CounterName, Distribution, LatencyName } from "./loadtest/report/metrics.js";
export type {
  AssertResult,
  LoadReport,
  RunEnd,
  RunEvent,
  SearchReport,
  TimelinePoint,
  Verdict,
  WorkerReport,
} from "./loadtest/report/report.js";
export type { LoadPlan } from "./loadtest/scenario/plan.js";
export type {
  Duration,
  HookPlan,
  LoadLimits,
  LoadScenario,
  PresencePlan,
  PublishPlan,
  RampSteps,
  SearchPlan,
  SlowPlan,
  StormPlan,
  TopicPlan,
} from "./loadtest/scenario/scenario.js";

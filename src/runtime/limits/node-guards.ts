import type { Clock } from "../../contracts/clock.js";
import type { Logger } from "../../contracts/logger.js";
import type { Random } from "../../contracts/random.js";
import type { Counters } from "../counters.js";
import { Admission } from "./admission.js";
import { Census, compileProxies } from "./census.js";
import { JoinGate } from "./join-gate.js";
import { LimitReports } from "./limit-reports.js";
import { type NodeLimits, nodeLimits } from "./node-limits.js";

/** What the author of an endpoint says about the limits of its node. */
export interface GuardOptions {
  readonly limits: Partial<NodeLimits> | undefined;
  readonly admission: boolean | undefined;
  readonly trustedProxies: readonly string[] | undefined;
}

/** What keeps one node within its limits, shared by all of its sockets. */
export class NodeGuards {
  readonly limits: NodeLimits;
  readonly reports: LimitReports;
  readonly census: Census;
  readonly joins: JoinGate;
  readonly admission: Admission;

  /** Throws `endpoint_config_invalid` for options that cannot work. */
  constructor(
    options: GuardOptions,
    around: {
      readonly clock: Clock;
      readonly random: Random;
      readonly logger: Logger;
      readonly counters: Counters;
    },
  ) {
    const { clock, logger, counters } = around;
    const reports = new LimitReports(counters, clock, logger);
    this.limits = nodeLimits(options.limits ?? {});
    this.reports = reports;
    this.census = new Census(this.limits, reports, compileProxies(options.trustedProxies));
    this.joins = new JoinGate(this.limits, clock, reports);
    this.admission = new Admission(this.limits, options.admission ?? true, { ...around, reports });
  }
}

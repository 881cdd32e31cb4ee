import type { Cancel, Clock } from "../../contracts/clock.js";
import type { Logger } from "../../contracts/logger.js";
import type { Random } from "../../contracts/random.js";
import { type RebalancePlan, type RebalanceRule, rebalance } from "../../core/fleet/rebalance.js";
import { closeCodes } from "../../core/protocol/close-codes.js";
import { invalid, requireWhole } from "../configure.js";
import type { Counters } from "../counters.js";
import type { RebalanceOptions } from "../endpoint-options.js";
import type { Session } from "../session.js";
import type { NodeStatuses } from "./statuses.js";

const roundMs = 1_000;
/** The last part of a connection's life, in which its end lies. */
const agePart = 0.2;

/** What is done to keep the nodes equally full. */
export interface EvenOptions {
  /** Undefined: nothing is given away. */
  readonly rule: RebalanceRule | undefined;
  /** Undefined: connections may grow old. */
  readonly ageMaxMs: number | undefined;
}

/** Fills in the defaults and checks them. Throws `endpoint_config_invalid`. */
export function evenOptions(
  given: boolean | RebalanceOptions | undefined,
  ageMaxMs: number | undefined,
): EvenOptions {
  if (ageMaxMs !== undefined) requireWhole("fleet.connectionAgeMaxMs", ageMaxMs, 60_000);
  if (given === undefined || given === false) return { rule: undefined, ageMaxMs };
  const {
    tolerance = 0.1,
    windowMs = 30_000,
    stableMs = 10_000,
    perSecondMax = 200,
  } = given === true ? {} : given;
  if (!(tolerance >= 0.01 && tolerance <= 1)) {
    throw invalid(`fleet.rebalance.tolerance must be from 0.01 to 1, not ${tolerance}`);
  }
  const rule = {
    tolerance,
    windowMs: requireWhole("fleet.rebalance.windowMs", windowMs, roundMs),
    stableMs: requireWhole("fleet.rebalance.stableMs", stableMs, 0),
    perSecondMax: requireWhole("fleet.rebalance.perSecondMax", perSecondMax, 1),
  };
  return { rule, ageMaxMs };
}

/** What an {@link Evener} needs of its node. */
export interface EvenerParts {
  readonly options: EvenOptions;
  readonly statuses: NodeStatuses | undefined;
  readonly nodeName: string;
  readonly sessions: () => Iterable<Session>;
  readonly isReady: () => boolean;
  readonly counters: Counters;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Sends connections away, a few each second, so that nodes which came later get their share of them. */
export class Evener {
  readonly #parts: EvenerParts;
  #ready = "";
  #stableSinceMs = 0;
  #plan: RebalancePlan | undefined = undefined;

  constructor(parts: EvenerParts) {
    this.#parts = parts;
  }

  /** Returns the way to end it. */
  start(): Cancel {
    const { clock, options, statuses } = this.#parts;
    this.#stableSinceMs = clock.monotonic();
    const isIdle = options.ageMaxMs === undefined && (options.rule === undefined || statuses === undefined);
    return isIdle ? () => {} : clock.every(roundMs, () => this.#round());
  }

  #round(): void {
    const { options, statuses, isReady, clock } = this.#parts;
    if (!isReady()) {
      this.#plan = undefined;
      return;
    }
    const nowMs = clock.monotonic();
    if (options.ageMaxMs !== undefined) this.#endOld(options.ageMaxMs, nowMs);
    if (options.rule !== undefined && statuses !== undefined) this.#even(options.rule, statuses, nowMs);
  }

  /** Each has the same chance in what is left of its time, so that those that came at once do not go at once. */
  #endOld(ageMaxMs: number, nowMs: number): void {
    const { sessions, random, counters } = this.#parts;
    const old: Session[] = [];
    for (const session of sessions()) {
      const leftMs = ageMaxMs - (nowMs - session.openedAtMs);
      if (leftMs > ageMaxMs * agePart || session.ended) continue;
      if (leftMs <= roundMs || random.fraction() < roundMs / leftMs) old.push(session);
    }
    for (const session of old) session.close(closeCodes.draining, "connection age");
    counters.aged_connections_total += old.length;
  }

  #even(rule: RebalanceRule, statuses: NodeStatuses, nowMs: number): void {
    const { nodeName, sessions, logger, counters } = this.#parts;
    const others = statuses.welcoming().filter(({ name }) => name !== nodeName);
    const ready = others.map(({ name }) => name).join("\n");
    if (ready !== this.#ready) this.#stableSinceMs = nowMs;
    this.#ready = ready;
    const counts = others.flatMap(({ values: { connections = [] } }) => connections);
    // Of somebody it is not known what he holds.
    if (counts.length < others.length) return;
    const open = [...sessions()].filter(({ ended }) => !ended);
    const view = { nowMs, stableSinceMs: this.#stableSinceMs, own: open.length, others: counts };
    const before = this.#plan;
    const { shed, plan } = rebalance(rule, view, before);
    this.#plan = plan;
    if (before === undefined && plan !== undefined) {
      logger.info("giving connections away to emptier nodes", {
        connections: open.length,
        surplus: plan.left,
      });
    }
    if (shed === 0) return;
    for (const session of idleFirst(open).slice(0, shed)) session.close(closeCodes.draining, "rebalancing");
    counters.rebalanced_connections_total += shed;
  }
}

/** Those without a channel, then those whose clients have been silent the longest. */
function idleFirst(sessions: readonly Session[]): Session[] {
  const rank = ({ channelCount }: Session) => (channelCount === 0 ? 0 : 1);
  return [...sessions].sort((a, b) => rank(a) - rank(b) || a.activeAtMs - b.activeAtMs);
}

import type { Cancel, Clock } from "../../contracts/clock.js";
import type { Logger } from "../../contracts/logger.js";
import type { KnownDecision, ScalePage } from "../../contracts/scale-driver.js";
import { type AutoscaleDecision, decide } from "../../core/autoscale/decide.js";
import { withoutChange } from "../../core/autoscale/history.js";
import type { NodeReport } from "../../core/autoscale/signal.js";
import type { Broadcast } from "../broadcast.js";
import { FLEET_PREFIX, type NodeStatuses } from "../fleet/statuses.js";
import type { PubSub, Subscriber } from "../pubsub.js";
import type { AutoscaleSettings } from "./options.js";
import { noOrders, openOrders, viewOf, withOrder } from "./orders.js";
import { type AutoscaleState, decodeState, encodeState } from "./state.js";

const TOPIC = `${FLEET_PREFIX}autoscale`;
const EVENT = "decision";
/** Characters of a driver's fault that are told. */
const faultMax = 500;

/** What a node knows of the autoscaler. */
export interface AutoscaleReport {
  /** The last decision, with what each signal asked for and what held it back; undefined: none is known. */
  readonly decision: AutoscaleDecision | undefined;
  /** Milliseconds since it was made. */
  readonly ageMs: number | undefined;
  /** Who made it. */
  readonly leader: string | undefined;
  readonly driver: {
    readonly kind: string;
    /** Decisions that it could not carry out. */
    readonly failures: number;
    /** Why it could not carry out the last one; undefined: it could. */
    readonly fault: string | undefined;
  };
}

/** What an {@link Autoscaler} is made of. */
export interface AutoscalerParts {
  readonly settings: AutoscaleSettings;
  readonly statuses: NodeStatuses;
  readonly pubsub: PubSub;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Decides once an interval how large the fleet should be, on the node that leads; the others listen, so that any can
 * show the last decision and go on from it. Two that lead for a moment do no harm: drivers take absolute numbers.
 */
export class Autoscaler implements Subscriber {
  readonly #parts: AutoscalerParts;
  #state: AutoscaleState | undefined = undefined;
  #leads = false;
  #isApplying = false;
  #isLate = false;
  #isFailing = false;
  #cancel: Cancel | undefined = undefined;
  /** Messages that could not be read. */
  faults = 0;

  constructor(parts: AutoscalerParts) {
    this.#parts = parts;
  }

  start(): void {
    const { pubsub, clock, settings, logger } = this.#parts;
    settings.driver.start?.({ nodeName: pubsub.nodeName, logger });
    pubsub.subscribe(TOPIC, this);
    this.#cancel = clock.every(settings.intervalMs, () => this.#tick());
  }

  async stop(): Promise<void> {
    if (this.#cancel === undefined) return;
    this.#cancel();
    this.#cancel = undefined;
    this.#parts.pubsub.unsubscribe(TOPIC, this);
    try {
      await this.#parts.settings.driver.close();
    } catch (cause) {
      this.#parts.logger.warn("scale driver could not be closed", { error: String(cause) });
    }
  }

  /** What the driver shows over HTTP. */
  get page(): ScalePage | undefined {
    return this.#parts.settings.driver.page;
  }

  /** The last decision, whoever made it. */
  known(): KnownDecision | undefined {
    if (this.#state === undefined) return undefined;
    const { decision } = this.#state;
    return { decision, ageMs: this.#parts.clock.monotonic() - decision.atMs };
  }

  report(): AutoscaleReport {
    const state = this.#state;
    const { settings } = this.#parts;
    return {
      decision: state?.decision,
      ageMs: this.known()?.ageMs,
      leader: state?.leader,
      driver: { kind: settings.driver.kind, failures: state?.failures ?? 0, fault: state?.fault },
    };
  }

  receive({ binary }: Broadcast): void {
    const { clock, logger, pubsub, statuses } = this.#parts;
    const state = binary === undefined ? undefined : decodeState(binary, clock.monotonic());
    if (state === undefined) {
      this.faults += 1;
      logger.warn("message on the topic of the autoscaler is no decision");
      return;
    }
    // Of two who believe that they lead, the first by name does.
    const isRival = statuses.leader() === pubsub.nodeName && state.leader > pubsub.nodeName;
    if (state.leader !== pubsub.nodeName && !isRival) this.#state = state;
  }

  #tick(): void {
    const { statuses, pubsub, logger, settings } = this.#parts;
    const led = this.#leads;
    this.#leads = statuses.leader() === pubsub.nodeName;
    // Who has just come, or taken over, may not have heard of all the others yet.
    if (!this.#leads || !led) return;
    if (this.#isApplying) {
      if (!this.#isLate) logger.warn("scale driver is slow", { driver: settings.driver.kind });
      this.#isLate = true;
      return;
    }
    this.#isLate = false;
    void this.#decide();
  }

  /** Each node that is known: those that the engine reaches and that say nothing of themselves cannot be measured. */
  #fleet(): readonly NodeReport[] {
    const { statuses, pubsub } = this.#parts;
    const told = statuses.all();
    const known = new Set(told.map(({ name }) => name));
    const silent = pubsub.nodes().filter((name) => !known.has(name));
    return [...told, ...silent.map((name): NodeReport => ({ name, stage: "ready" }))];
  }

  async #decide(): Promise<void> {
    const { settings, clock, pubsub } = this.#parts;
    const { policy, driver, orderMsMax } = settings;
    const nowMs = clock.monotonic();
    const nodes = this.#fleet();
    const before = this.#state;
    const orders = openOrders(before?.orders ?? noOrders, nodes, nowMs, orderMsMax);
    const view = viewOf(orders, nodes, nowMs, driver.recalls);
    const { decision, history } = decide(policy, view, before?.history);
    this.#isApplying = true;
    const fault = await this.#apply(decision);
    this.#isApplying = false;
    // Stopped in the meantime.
    if (this.#cancel === undefined) return;
    const failures = before?.failures ?? 0;
    const shared = { leader: pubsub.nodeName, decision };
    this.#state =
      fault === undefined
        ? { ...shared, history, orders: withOrder(orders, decision), failures, fault }
        : {
            ...shared,
            history: withoutChange(history, before?.history),
            orders,
            failures: failures + 1,
            fault,
          };
    this.#tell(this.#state);
  }

  /** Undefined: it is ordered. */
  async #apply(decision: AutoscaleDecision): Promise<string | undefined> {
    const { settings, logger } = this.#parts;
    const { kind } = settings.driver;
    const { action, current, desired } = decision;
    try {
      await settings.driver.apply(decision);
    } catch (cause) {
      const error = (cause instanceof Error ? cause.message : String(cause)).slice(0, faultMax);
      const fields = { driver: kind, action: action.kind, current, desired, error };
      if (!this.#isFailing) logger.error("scale driver failed, the fleet stays as it is", fields);
      this.#isFailing = true;
      return error;
    }
    if (this.#isFailing) logger.info("scale driver works again", { driver: kind });
    this.#isFailing = false;
    if (action.kind !== "hold") {
      const restraints = decision.restraints.join(",");
      logger.info("fleet changes", { driver: kind, action: action.kind, current, desired, restraints });
    }
    return undefined;
  }

  #tell(state: AutoscaleState): void {
    const { pubsub, clock, logger } = this.#parts;
    try {
      pubsub.broadcast(TOPIC, EVENT, encodeState(state, clock.monotonic()), this);
    } catch (cause) {
      logger.warn("decision could not be told", { error: String(cause) });
    }
  }
}

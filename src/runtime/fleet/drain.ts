import type { Cancel, Clock } from "../../contracts/clock.js";
import type { Logger } from "../../contracts/logger.js";
import { nextPace } from "../../core/fleet/drain-pace.js";
import { closeCodes } from "../../core/protocol/close-codes.js";
import { requireWhole } from "../configure.js";
import type { DrainOptions } from "../endpoint-options.js";
import type { Session } from "../session.js";
import type { NodeStatuses } from "./statuses.js";

/** Each second's share of connections leaves in so many batches. */
const batchesPerSecond = 10;
const batchMs = 1_000 / batchesPerSecond;

/** What a drain needs of its node. */
export interface DrainParts {
  readonly options: Required<DrainOptions>;
  /** How the other nodes bear it; undefined: nobody says. */
  readonly statuses: NodeStatuses | undefined;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sessions: () => Iterable<Session>;
}

/** Fills in the defaults of a drain and checks them. */
export function drainOptions(given: DrainOptions): Required<DrainOptions> {
  return {
    noticeMs: requireWhole("drain.noticeMs", given.noticeMs ?? 1_500, 0),
    clientsPerSecond: requireWhole("drain.clientsPerSecond", given.clientsPerSecond ?? 500, 1),
    clientsPerSecondMax: requireWhole("drain.clientsPerSecondMax", given.clientsPerSecondMax ?? 5_000, 1),
    timeoutMs: requireWhole("drain.timeoutMs", given.timeoutMs ?? 30_000, 0),
    handlersMs: requireWhole("drain.handlersMs", given.handlersMs ?? 5_000, 0),
  };
}

/**
 * Sends the connections of a node away with 1012, no faster than the others can take them. Clients come back after
 * 10 ms without any jitter of their own, so the spreading is done here.
 */
export class Drain {
  readonly done: Promise<void>;
  readonly #parts: DrainParts;
  readonly #deadlineMs: number;
  #finish: () => void = () => {};
  #cancel: Cancel | undefined;
  #pace: number;
  #round = 0;

  constructor(parts: DrainParts) {
    const { options, clock, logger } = parts;
    this.#parts = parts;
    this.#pace = options.clientsPerSecond;
    this.#deadlineMs = clock.monotonic() + options.noticeMs + options.timeoutMs;
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
    logger.info("draining", { connections: this.#left().length });
    // Until the balancers have asked, they send new clients here.
    if (options.noticeMs === 0) this.#batch();
    else this.#cancel = clock.after(options.noticeMs, () => this.#batch());
  }

  /** Sends nobody else away. */
  cancel(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#finish();
  }

  #left(): Session[] {
    return [...this.#parts.sessions()].filter(({ ended }) => !ended);
  }

  #batch(): void {
    const { clock, options } = this.#parts;
    this.#cancel = undefined;
    const left = this.#left();
    const leftMs = this.#deadlineMs - clock.monotonic();
    // Whoever is late hurries: the time that a drain may take is a promise to the one who waits for its end.
    const due = leftMs <= 0 ? left.length : Math.ceil((left.length * batchMs) / leftMs);
    const count = Math.max(due, Math.round(this.#pace / batchesPerSecond));
    for (const session of left.slice(0, count)) session.close(closeCodes.draining, "draining");
    if (count >= left.length) return this.#finish();
    this.#round += 1;
    if (this.#round % batchesPerSecond === 0) this.#adapt(options);
    this.#cancel = clock.after(batchMs, () => this.#batch());
  }

  #adapt({ clientsPerSecond: first, clientsPerSecondMax: max }: Required<DrainOptions>): void {
    const { statuses, nodeName } = this.#parts;
    const busy = (statuses?.welcoming() ?? []).flatMap(({ name, values: { eventLoop } }) =>
      name === nodeName || eventLoop === undefined ? [] : [eventLoop],
    );
    this.#pace = nextPace(this.#pace, busy.length === 0 ? undefined : Math.max(...busy), { first, max });
  }
}

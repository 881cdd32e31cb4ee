import type { AutoscaleDecision } from "../core/autoscale/decide.js";
import type { Logger } from "./logger.js";

/** What a driver is given before its first decision. */
export interface ScaleHost {
  /** The node that it is on. */
  readonly nodeName: string;
  readonly logger: Logger;
}

/** The last decision as a node knows it: its own, or what the leader told. */
export interface KnownDecision {
  readonly decision: AutoscaleDecision;
  /** How long ago it was made, milliseconds. */
  readonly ageMs: number;
}

/** A request at the path of a {@link ScalePage}, or below it. */
export interface ScalePageRequest {
  readonly method: string;
  /** What follows the page's path: empty, or `/` and more. The query is not in it. */
  readonly rest: string;
  /** The `authorization` header. */
  readonly authorization: string | undefined;
}

/** What a driver shows over the endpoint's HTTP. `answer` MUST be quick: it reads what is known. */
export interface ScalePage {
  /** Begins with a slash. */
  readonly path: string;
  answer(
    request: ScalePageRequest,
    known: KnownDecision | undefined,
  ): {
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  };
}

/**
 * Makes the fleet what was decided: starts nodes, and has them go.
 *
 * The decision is the whole order. `desired` is absolute: nodes that start or are ready, those that drain not counted.
 * The same decision applied twice MUST have the effect of one, and two leaders that for a moment both apply theirs
 * MUST NOT add up; so a driver brings its fleet to `desired` from what it finds there, whatever `action.count` says.
 * - `hold`: it MUST change nothing.
 * - `add`, `keep`: it MUST NOT make the fleet smaller, though it may find it larger than `desired` already. For `keep`
 *   it calls off the drains of `action.names`; a name that does not drain any more is made up for by a new node.
 * - `drain`: it MUST NOT make the fleet larger, and SHOULD have the node `action.name` go, by a drain; when it knows no
 *   such node, or cannot choose, it takes another, or none when the fleet is not larger than `desired`.
 *
 * More nodes than were asked for (an overshoot) are borne: the next decision counts what is there.
 */
export interface ScaleDriver {
  /** Name of the kind for logs, such as `process`: lower-case letters. */
  readonly kind: string;
  /** What it answers over HTTP, on every node; absent: nothing. */
  readonly page?: ScalePage;
  /** Whether it can call off a drain. Only then a decision asks to `keep` nodes; otherwise it adds new ones. */
  readonly recalls: boolean;
  /** Called once, before any decision, on every node: also on those that never lead. It MUST NOT change the fleet. */
  start?(host: ScaleHost): void;
  /**
   * Orders what was decided. Resolves once that is ordered: it MUST NOT wait until nodes are ready or gone. It is
   * called with each decision, `hold` too, and never while a call is still under way.
   *
   * It fails by rejecting, best with a `scale_driver_failed`; the fleet stays where it is, nothing counts as done, and
   * it is called again with the next decision. It MUST settle within a bounded time of its own.
   */
  apply(decision: AutoscaleDecision): Promise<void>;
  /**
   * Frees what it holds, and cuts off what is under way. MUST be safe to call twice. It MUST leave the fleet as it is:
   * nodes are not stopped by it.
   */
  close(): Promise<void>;
}

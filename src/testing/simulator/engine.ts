import type { Network } from "../../contracts/network.js";
import type { PubSubAdapter } from "../../contracts/pubsub-adapter.js";

/** What a simulated node gives the engine under test: it MUST use these, and no network or timer besides. */
export interface SimulatedParts {
  readonly nodeName: string;
  readonly network: Network;
  readonly listen: { readonly host: string; readonly port: number };
  /** `name@host:port` of nodes that this one is to dial. */
  readonly peers: readonly string[];
  /** Runs `flush` at the end of the present turn. */
  defer(flush: () => void): void;
}

/** How soon an engine does what it promises, on a network without faults. */
export interface SimulatedBounds {
  readonly startWithinMs: number;
  readonly stopWithinMs: number;
  /** From `publish` to the subscriber. */
  readonly deliverWithinMs: number;
  /** From the death of a node to `node_down` on every other. */
  readonly noticeWithinMs: number;
  /** After this long without a fault between two nodes nothing of the last fault is left. */
  readonly calmAfterMs: number;
  /** From the end of all faults until everybody reaches everybody. */
  readonly healWithinMs: number;
}

/** An engine, as the simulator needs it. */
export interface SimulatedEngine {
  readonly engine: string;
  /** What keeps the order of one publisher's calls: each topic by itself, or all of them together. Default: topic. */
  readonly order?: "topic" | "publisher";
  readonly bounds?: Partial<SimulatedBounds>;
  createAdapter(parts: SimulatedParts): PubSubAdapter;
}

/** Bounds that fit the default timing of the mesh. */
export const defaultBounds: SimulatedBounds = {
  startWithinMs: 2_100,
  stopWithinMs: 2_100,
  deliverWithinMs: 2_000,
  noticeWithinMs: 4_000,
  calmAfterMs: 6_000,
  healWithinMs: 25_000,
};

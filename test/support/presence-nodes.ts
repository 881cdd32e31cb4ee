import { onTestFinished } from "vitest";
import type { Json } from "../../src/core/shared/json.js";
import type { ChannelContext } from "../../src/runtime/channel-types.js";
import { EndpointCore } from "../../src/runtime/endpoint.js";
import type { AnyPresence, Presence, PresenceResult } from "../../src/runtime/presence/presence-types.js";
import { ok, stop } from "../../src/runtime/result.js";
import { type SocketRoutes, socket } from "../../src/runtime/socket-definition.js";
import { FakeClock } from "./fake-clock.js";
import { FakeLan } from "./fake-lan.js";
import { FakeSink } from "./fake-sink.js";
import { FakeClient, handshake, MemoryLogger } from "./node.js";

/** A channel of a test, of whatever types. */
export type AnyChannel = ChannelContext<Record<never, never>, { readonly [event: string]: object }>;

/** What the channels of `presenceRoutes` do, seen from outside. */
export interface Seen {
  readonly results: PresenceResult[];
  /** The channels that joined, in order. */
  readonly channels: AnyChannel[];
}

/**
 * Channels at any topic that track the join param `who` with `{at: 1}` and push the state; events `update`,
 * `track` and `untrack` do that, `crash` throws, `end` stops.
 */
export function presenceRoutes(people: AnyPresence, seen: Seen): SocketRoutes {
  // The metas of these channels are the test's own business.
  const loose = people as Presence<object, unknown>;
  const users = socket();
  const whoOf = new WeakMap<object, string>();
  const note = (result: PresenceResult) => ok(result) && void seen.results.push(result);
  const room = users.channel({
    join: () => ok(),
    afterJoin(ch, params) {
      seen.channels.push(ch);
      const { who, quiet } = params as { who?: string; quiet?: boolean };
      if (who !== undefined) {
        whoOf.set(ch, who);
        note(loose.track(ch, who, { at: 1 }));
      }
      if (quiet !== true) loose.pushState(ch);
    },
    in: {
      update: (ch, payload) => note(loose.update(ch, whoOf.get(ch) ?? "", payload as object)),
      track: (ch, payload) => {
        const { key, meta } = payload as { key: string; meta: object };
        note(loose.track(ch, key, meta));
      },
      untrack: (ch) => loose.untrack(ch, whoOf.get(ch) ?? ""),
      crash: () => {
        throw new Error("boom");
      },
      end: () => stop(),
    },
  });
  return users.routes({ "*": room });
}

/** A node of a cluster in memory. */
export interface PresenceNodeUnderTest {
  readonly name: string;
  readonly core: EndpointCore;
  readonly logger: MemoryLogger;
  connect(): Promise<FakeClient>;
}

/** Nodes joined in memory, on one clock that the test drives. */
export class PresenceCluster {
  readonly clock = new FakeClock();
  readonly lan = new FakeLan();
  readonly nodes: PresenceNodeUnderTest[] = [];
  readonly seen: Seen = { results: [], channels: [] };
  readonly people: AnyPresence;
  readonly #routes: SocketRoutes;
  #bytes = 0;

  constructor(people: AnyPresence, routes?: SocketRoutes) {
    this.people = people;
    this.#routes = routes ?? presenceRoutes(people, this.seen);
  }

  /** Starts a node; it is stopped with the test. */
  async start(name: string): Promise<PresenceNodeUnderTest> {
    const logger = new MemoryLogger();
    const random = {
      fraction: () => 0.5,
      bytes: (length: number) => {
        this.#bytes += 1;
        return Buffer.alloc(length, this.#bytes);
      },
    };
    const core = new EndpointCore({
      name,
      host: undefined,
      sockets: {
        "/socket": { socket: this.#routes, limits: { channelsMax: 100_000, nameLengthMax: 100_000 } },
      },
      presence: [this.people],
      adapter: this.lan.adapter(),
      drain: { noticeMs: 0 },
      signerFor: undefined,
      clock: this.clock,
      random,
      logger,
    });
    onTestFinished(() => core.stop());
    await core.start();
    const node: PresenceNodeUnderTest = {
      name,
      core,
      logger,
      connect: async () => {
        const mount = core.mounts[0];
        const decision = await mount?.connect(handshake());
        if (mount === undefined || decision?.kind !== "accepted") throw new Error("not let in");
        const sink = new FakeSink();
        return new FakeClient(mount.open(decision, "websocket", sink), sink);
      },
    };
    this.nodes.push(node);
    return node;
  }

  /** Lets time pass, and what follows from it settle. */
  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
  }

  /** The keys of a topic as each of the nodes sees them. */
  keys(topic: string, nodes = this.nodes): string[] {
    const { people } = this;
    return nodes.map(({ core }) => {
      const reader = people.at(core) as { page(topic: string): { presences: object } };
      return Object.keys(reader.page(topic).presences).join();
    });
  }
}

/** Replaces refs by R1, R2, … in the order in which they first appear, also in later calls. */
export function refNamer(): (messages: readonly unknown[]) => unknown[] {
  const names = new Map<string, string>();
  const name = (ref: string): string => {
    if (!/^[\w-]{16}$/.test(ref)) throw new Error(`${ref} is no phx_ref`);
    const known = names.get(ref) ?? `R${names.size + 1}`;
    names.set(ref, known);
    return known;
  };
  return (messages) =>
    messages.map((message) =>
      JSON.parse(JSON.stringify(message), (key, value: Json) =>
        key === "phx_ref" || key === "phx_ref_prev" ? name(String(value)) : value,
      ),
    );
}

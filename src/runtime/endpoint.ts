import type { Cancel, Clock } from "../contracts/clock.js";
import type { Logger } from "../contracts/logger.js";
import type { PubSubAdapter, PubSubEvent } from "../contracts/pubsub-adapter.js";
import type { Random } from "../contracts/random.js";
import type { Vitals } from "../contracts/vitals.js";
import { closeCodes } from "../core/protocol/close-codes.js";
import type { EndpointAuthOptions, Revocation } from "./auth/auth-options.js";
import { EndpointAuth } from "./auth/endpoint-auth.js";
import type { Revokable } from "./auth/revocation-sweep.js";
import { Autoscaler } from "./autoscale/autoscaler.js";
import { type AutoscaleOptions, resolveAutoscale } from "./autoscale/options.js";
import type { Broadcast } from "./broadcast.js";
import type { BroadcastEvent } from "./channel-types.js";
import { compilePath, invalid, requireNodeName, requireWhole, toMountOptions } from "./configure.js";
import { Counters } from "./counters.js";
import type { DrainOptions, FleetOptions, MountOptions } from "./endpoint-options.js";
import { SimurghError } from "./errors.js";
import { Drain, drainOptions } from "./fleet/drain.js";
import { Evener, evenOptions } from "./fleet/evener.js";
import { NodeStatuses, type OwnStatus } from "./fleet/statuses.js";
import { type GuardOptions, NodeGuards } from "./limits/node-guards.js";
import { PollExchange } from "./longpoll/exchange.js";
import { LongPoll } from "./longpoll/long-poll.js";
import type { SignerFor } from "./longpoll/poll-token.js";
import { MountedSocket } from "./mounted-socket.js";
import { Flusher } from "./outbox.js";
import { NodePresence } from "./presence/node-presence.js";
import { definitionOf, type PresenceDefinition } from "./presence/presence.js";
import { PubSub } from "./pubsub.js";
import type { Session } from "./session.js";
import type { SocketRoutes } from "./socket-definition.js";

/** Sweeps of idle connections within one timeout: the precision of the timeout. */
const IDLE_SWEEPS = 4;

/** The author says nothing about limits. */
const NO_GUARDS: GuardOptions = { limits: undefined, admission: undefined, trustedProxies: undefined };

/** What an endpoint is made of, its surroundings included. */
export interface EndpointCoreOptions {
  readonly name: string;
  readonly host: string | undefined;
  readonly sockets: Readonly<Record<string, SocketRoutes | MountOptions>>;
  readonly adapter: PubSubAdapter;
  readonly drain: DrainOptions;
  /** Default: the limits' own defaults. */
  readonly guards?: GuardOptions;
  /** Tells the other nodes how this one is; undefined: it has no others. */
  readonly fleet?: (FleetOptions & { readonly vitals: Vitals }) | undefined;
  /** See {@link FleetOptions}; for a node without others, too. */
  readonly connectionAgeMaxMs?: number | undefined;
  /** Has the fleet grow and shrink; only where the nodes tell each other how they are. */
  readonly autoscale?: AutoscaleOptions | undefined;
  /** Whether the node is ready only while its engine can carry messages. Default: true. */
  readonly readyNeedsEngine?: boolean | undefined;
  /** Signs the tokens of long-poll sessions; undefined: there is no secret that the nodes share. */
  readonly signerFor: SignerFor | undefined;
  /** What `presence(…)` made. */
  readonly presence?: readonly object[] | undefined;
  readonly auth?: EndpointAuthOptions | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** How often a stop looks whether the last callback has settled. */
const HANDLERS_LOOK_MS = 20;

/** Where an endpoint is in its life. */
export type EndpointState = "idle" | "starting" | "ready" | "draining" | "stopped";

/** One node's sockets and its place in the cluster; the HTTP server around it is an edge's business. */
export class EndpointCore {
  readonly name: string;
  readonly pubsub: PubSub;
  readonly counters = new Counters();
  readonly guards: NodeGuards;
  readonly mounts: readonly MountedSocket[];
  /** Of the mounts that have it. */
  readonly longPolls: readonly LongPoll[];
  readonly presences: ReadonlyMap<PresenceDefinition, NodePresence>;
  readonly auth: EndpointAuth;
  readonly #exchange: PollExchange;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #drainOptions: Required<DrainOptions>;
  /** How the nodes of the fleet are; undefined: this node has no others. */
  readonly statuses: NodeStatuses | undefined;
  readonly #evener: Evener;
  /** Decides how large the fleet is; undefined: somebody else does. */
  readonly autoscaler: Autoscaler | undefined;
  readonly #readyNeedsEngine: boolean;
  readonly #cancels: Cancel[] = [];
  #state: EndpointState = "idle";
  #started = false;
  #draining: Drain | undefined = undefined;
  #stopping: Promise<void> | undefined = undefined;

  constructor(options: EndpointCoreOptions) {
    const { clock, logger, random, name, drain } = options;
    this.name = requireNodeName(name);
    this.#clock = clock;
    this.#logger = logger;
    this.#drainOptions = drainOptions(drain);
    this.#readyNeedsEngine = options.readyNeedsEngine ?? true;
    this.pubsub = new PubSub(options.adapter, { nodeName: name, clock, random, logger });
    this.presences = this.#presencesOf(options);
    const { pubsub, presences, counters } = this;
    const guards = new NodeGuards(options.guards ?? NO_GUARDS, { clock, random, logger, counters });
    this.guards = guards;
    const sockets = (): Iterable<Revokable> => this.#authorizedSockets();
    this.auth = new EndpointAuth(options.auth ?? {}, { pubsub, clock, random, logger, sockets });
    const tokens = { auth: this.auth, delays: this.auth.delays };
    const shared = { pubsub, presences, flusher: new Flusher(), counters, guards, logger, clock, ...tokens };
    this.mounts = Object.entries(options.sockets).map(([path, mount]) => {
      compilePath(path);
      return new MountedSocket(path, toMountOptions(mount), options.host, shared);
    });
    this.#exchange = new PollExchange(this.pubsub, clock, random, logger);
    this.statuses = this.#statusesOf(options);
    this.autoscaler = this.#autoscalerOf(options);
    this.#evener = this.#evenerOf(options);
    this.longPolls = this.mounts.flatMap((mount) => this.#longPollOf(mount, options) ?? []);
  }

  #presencesOf({ presence = [], clock, random, logger }: EndpointCoreOptions): EndpointCore["presences"] {
    const running = new Map<PresenceDefinition, NodePresence>();
    for (const definition of presence.map(definitionOf)) {
      const { name } = definition;
      if ([...running.keys()].some((other) => other.name === name)) {
        throw invalid(`two presences are named ${name}: give them names that tell them apart`);
      }
      running.set(
        definition,
        new NodePresence(definition.settings, { pubsub: this.pubsub, clock, random, logger }),
      );
    }
    for (const [definition, node] of running) definition.bind(this, node);
    return running;
  }

  #statusesOf({ fleet, clock, logger }: EndpointCoreOptions): NodeStatuses | undefined {
    if (fleet === undefined) return undefined;
    const { vitals, statusPeriodMs = 1_000 } = fleet;
    const periodMs = requireWhole("fleet.statusPeriodMs", statusPeriodMs, 100);
    const measure = () => this.#measure(vitals);
    return new NodeStatuses({ pubsub: this.pubsub, clock, logger, periodMs, measure });
  }

  #autoscalerOf({ autoscale, clock, logger }: EndpointCoreOptions): Autoscaler | undefined {
    const { statuses, pubsub } = this;
    if (autoscale === undefined) return undefined;
    const settings = resolveAutoscale(autoscale);
    if (statuses !== undefined) return new Autoscaler({ settings, statuses, pubsub, clock, logger });
    const why = "autoscale is for nodes that reach each other: give them an engine, such as mesh(…)";
    throw new SimurghError("scale_config_invalid", why);
  }

  #evenerOf({ fleet, connectionAgeMaxMs, clock, random, logger }: EndpointCoreOptions): Evener {
    return new Evener({
      options: evenOptions(fleet?.rebalance, connectionAgeMaxMs),
      statuses: this.statuses,
      nodeName: this.name,
      sessions: () => this.#sessions(),
      isReady: () => this.#state === "ready",
      counters: this.counters,
      clock,
      random,
      logger,
    });
  }

  #measure(vitals: Vitals): OwnStatus {
    const stage = this.#state === "ready" || this.#state === "starting" ? this.#state : "draining";
    let queuedBytes = 0;
    for (const session of this.#sessions()) queuedBytes += session.queuedBytes;
    const { connections, connects_total: connectsTotal } = this.counters;
    const values = { connections, queuedBytes, eventLoop: vitals.eventLoop(), rssBytes: vitals.rssBytes() };
    return { stage, values, connectsTotal };
  }

  *#sessions(): Iterable<Session> {
    for (const mount of this.mounts) yield* mount.sessions;
  }

  #longPollOf(
    mount: MountedSocket,
    { signerFor, clock, random, logger }: EndpointCoreOptions,
  ): LongPoll | undefined {
    if (mount.longpoll === undefined) return undefined;
    if (signerFor === undefined) {
      throw invalid(
        `${mount.path} has long poll, and its sessions must be found by every node: give all the same secretKeyBase`,
      );
    }
    return new LongPoll(mount, mount.longpoll, {
      exchange: this.#exchange,
      pubsub: this.pubsub,
      counters: this.counters,
      reports: this.guards.reports,
      serving: () => this.serving,
      signerFor,
      clock,
      random,
      logger,
    });
  }

  /** Whether sessions may open: not before the start, nor after the stop; during a drain they may, as in Phoenix. */
  get serving(): boolean {
    return this.#state === "ready" || this.#state === "draining";
  }

  get state(): EndpointState {
    return this.#state;
  }

  /** Whether new connections are welcome. */
  get ready(): boolean {
    return this.#state === "ready" && (!this.#readyNeedsEngine || this.pubsub.healthy);
  }

  /** Joins the cluster. Rejects with the engine's `SimurghError`; the endpoint is stopped then. */
  async start(): Promise<void> {
    if (this.#state !== "idle") throw this.#wrongState("start");
    this.#state = "starting";
    try {
      await this.pubsub.start();
      if (this.longPolls.length > 0) await this.#exchange.start();
      await Promise.all([...this.presences.values()].map((node) => node.start()));
      if (this.mounts.some(({ policy }) => policy.auth !== undefined)) await this.auth.start();
    } catch (cause) {
      await this.stop();
      throw cause;
    }
    // Stopped, or told to drain, in the meantime.
    if (this.#state !== "starting") throw this.#wrongState("start");
    for (const mount of this.mounts) {
      if (mount.websocket === undefined) continue;
      const period = Math.max(1, Math.floor(mount.websocket.timeoutMs / IDLE_SWEEPS));
      this.#cancels.push(this.#clock.every(period, () => mount.sweepIdle(IDLE_SWEEPS)));
    }
    for (const longPoll of this.longPolls) this.#cancels.push(longPoll.start());
    for (const [definition, node] of this.presences) this.#cancels.push(definition.attach(node));
    this.#state = "ready";
    this.#started = true;
    this.statuses?.start();
    this.autoscaler?.start();
    this.#cancels.push(this.#evener.start());
  }

  #wrongState(call: string): SimurghError {
    return new SimurghError("endpoint_state", `${call} of an endpoint that is ${this.#state}`);
  }

  /**
   * Turns `ready` off, and after a notice sends every connection away with 1012, no faster than the other nodes can
   * take them. Resolves when the last one was told, or the drain was called off.
   */
  drain(): Promise<void> {
    if (this.#state === "stopped") return this.#draining?.done ?? Promise.resolve();
    if (this.#draining !== undefined) return this.#draining.done;
    this.#state = "draining";
    this.#draining = new Drain({
      options: this.#drainOptions,
      statuses: this.statuses,
      nodeName: this.name,
      clock: this.#clock,
      logger: this.#logger,
      sessions: () => this.#sessions(),
    });
    this.statuses?.tell();
    return this.#draining.done;
  }

  /** Calls a drain off: who is still there stays, and new ones are welcome. False: there was none to call off. */
  cancelDrain(): boolean {
    if (this.#state !== "draining" || this.#draining === undefined || !this.#started) return false;
    this.#draining.cancel();
    this.#draining = undefined;
    this.#state = "ready";
    this.statuses?.tell();
    this.#logger.info("drain called off", { connections: this.counters.connections });
    return true;
  }

  /** Leaves the cluster and closes what is still connected, with 1012. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#state = "stopped";
    for (const cancel of this.#cancels.splice(0)) cancel();
    this.#draining?.cancel();
    for (const session of this.#sessions()) session.close(closeCodes.draining, "stopped");
    this.guards.admission.stop();
    this.auth.stop();
    // The sessions end their channels first, whose presences end with them; then other nodes are told.
    await undefined;
    await this.#handlersAtRest();
    await this.autoscaler?.stop();
    this.statuses?.stop();
    this.#exchange.stop();
    for (const node of this.presences.values()) node.stop();
    await this.pubsub.stop();
  }

  /** Waits for callbacks of channels that are at work, as long as is allowed: what they still send can go out. */
  #handlersAtRest(): Promise<void> {
    const { handlersMs } = this.#drainOptions;
    const untilMs = this.#clock.monotonic() + handlersMs;
    return new Promise((resolve) => {
      const look = () => {
        const waiting = this.counters.callbacks_waiting;
        if (waiting > 0 && this.#clock.monotonic() < untilMs)
          return void this.#clock.after(HANDLERS_LOOK_MS, look);
        if (waiting > 0) this.#logger.warn("stopped while callbacks were at work", { waiting, handlersMs });
        resolve();
      };
      look();
    });
  }

  /** Revokes tokens, here and on all nodes. Throws `revocation_invalid` for what cannot be meant. */
  revoke(revocation: Revocation): void {
    if (this.#state !== "ready" && this.#state !== "draining") throw this.#wrongState("revoke");
    this.auth.revoke(revocation);
  }

  *#authorizedSockets(): Iterable<Revokable> {
    for (const mount of this.mounts) {
      for (const { auth } of mount.sessions) if (auth !== undefined) yield auth;
    }
  }

  /** Subscribes a function to a topic; returns the way to end that. What it throws is logged, not spread. */
  subscribe(topic: string, listener: (event: BroadcastEvent) => void): () => void {
    let subscribed = true;
    const tell = ({ event, payload }: Broadcast): void => {
      if (subscribed) listener({ topic, event, payload });
    };
    const subscriber = {
      receive: (broadcast: Broadcast): void => this.pubsub.afterDispatch(() => tell(broadcast)),
    };
    this.pubsub.subscribe(topic, subscriber);
    return () => {
      subscribed = false;
      this.pubsub.unsubscribe(topic, subscriber);
    };
  }

  /** Calls `watcher` when a node or the engine comes or goes. */
  watch(watcher: (event: PubSubEvent) => void): () => void {
    return this.pubsub.watch(watcher);
  }
}

import type { Cancel } from "../../../contracts/clock.js";
import type { Address, Listener, Network } from "../../../contracts/network.js";
import type { PubSubAdapter, PubSubHost } from "../../../contracts/pubsub-adapter.js";
import { assert } from "../../../core/shared/assert.js";
import { DiscoveryCoordinator } from "../../../runtime/discovery/coordinator.js";
import type { Discovery, PeerState } from "../../../runtime/discovery/topology.js";
import { SimurghError } from "../../../runtime/errors.js";
import type { MeshContext } from "./context.js";
import { createContext } from "./context.js";
import { createCounters } from "./counters.js";
import type { Dial, TargetState } from "./dialer.js";
import { isNodeName } from "./hello.js";
import { LocalTopics } from "./local-topics.js";
import type { MeshOptions, MeshSettings } from "./options.js";
import { resolveOptions } from "./options.js";
import type { PeerAddress } from "./peer-address.js";
import { formatAddress, parsePeer, peerAddress } from "./peer-address.js";
import { publishTo } from "./publish.js";
import { Switchboard } from "./switchboard.js";
import { tcpNetwork } from "./tcp-network.js";

/** One target of a mesh node, for the eyes of an operator. */
export interface MeshPeer {
  readonly address: string;
  readonly node: string | undefined;
  readonly state: TargetState;
}

/** One link of a mesh node, for the eyes of an operator. */
export interface MeshLink {
  readonly node: string;
  readonly remote: string;
  readonly up: boolean;
  readonly queuedBytes: number;
  readonly topics: number;
}

/** The mesh engine: the nodes are linked with each other directly. */
export interface MeshAdapter extends PubSubAdapter {
  /** Where this node listens; undefined while it does not. */
  readonly address: Address | undefined;
  /**
   * Links this node with `name@host:port` or `host:port`, now and whenever the link is lost, until `forget` or
   * `disconnect`. For a known peer that announced its leaving this is the rediscovery: it is dialled again.
   */
  connect(peer: string): void;
  /** Stops dialling that address; a link that is open stays. */
  forget(peer: string): void;
  /** Ends the link to a node, and stops dialling it. It is told, so it does not dial back either. */
  disconnect(nodeName: string): void;
  /** The topologies by which this node finds others; they come and go at run time. */
  readonly discovery: Discovery;
  /** What this node dials. */
  peers(): readonly MeshPeer[];
  /** What this node is linked with. */
  links(): readonly MeshLink[];
}

/** One life of a node, from start to stop. */
interface Life {
  readonly context: MeshContext;
  readonly board: Switchboard;
  readonly cancelTick: Cancel;
  listener: Listener | undefined;
}

function tickEvery(context: MeshContext, board: Switchboard): Cancel {
  const { heartbeatPeriodMs } = context.settings.timing;
  let lastMs = context.clock.monotonic();
  return context.clock.every(heartbeatPeriodMs, () => {
    const nowMs = context.clock.monotonic();
    const late = nowMs - lastMs > 2 * heartbeatPeriodMs;
    lastMs = nowMs;
    board.tick(late);
  });
}

class Mesh implements MeshAdapter {
  readonly engine = "mesh";
  readonly #settings: MeshSettings;
  readonly #counters = createCounters();
  readonly #topics = new LocalTopics();
  /** Peers added at run time. They outlive a stop, as the listed ones do. */
  readonly #added = new Map<string, PeerAddress>();
  readonly #network: Network;
  readonly #discovery: DiscoveryCoordinator;
  #life: Life | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: MeshOptions) {
    this.#settings = resolveOptions(options);
    this.#network =
      this.#settings.network ??
      tcpNetwork({
        tls: this.#settings.tls,
        tlsTimeoutMs: this.#settings.timing.handshakeTimeoutMs,
        onFault: (host, reason) => this.#onNetworkFault(host, reason),
      });
    const { discover = [], discovery } = options;
    this.#discovery = new DiscoveryCoordinator(
      discover,
      {
        connect: ({ address, name }) => this.#life?.board.dialer.add(peerAddress(address, name), false),
        disconnect: ({ address }) => this.#forgetFound(formatAddress(address), address),
        list: () => this.#peerStates(),
      },
      discovery,
    );
  }

  get discovery(): Discovery {
    return this.#discovery;
  }

  get healthy(): boolean {
    return this.#life?.listener !== undefined;
  }

  get address(): Address | undefined {
    return this.#life?.listener?.address;
  }

  async start(host: PubSubHost): Promise<void> {
    assert(this.#life === undefined, "a mesh is started once at a time");
    if (!isNodeName(host.nodeName)) {
      throw new SimurghError("mesh_config_invalid", "the node's name must be 1 to 255 bytes without spaces");
    }
    await this.#stopped;
    const context = createContext(this.#settings, host, this.#counters, this.#topics);
    const board = new Switchboard(context, (dial) => this.#dial(dial));
    const life: Life = { context, board, cancelTick: tickEvery(context, board), listener: undefined };
    this.#life = life;
    this.#stopped = undefined;
    try {
      const listener = await this.#network.listen(this.#settings.listen, (link) =>
        board.take(link, undefined),
      );
      // Stopped meanwhile: nobody else knows of the listener.
      if (this.#life !== life) return await listener.close();
      life.listener = listener;
    } catch (cause) {
      life.cancelTick();
      this.#life = undefined;
      const { host: at, port } = this.#settings.listen;
      throw new SimurghError("mesh_bind_failed", `cannot listen on ${at}:${port}`, { cause });
    }
    for (const peer of this.#settings.peers) board.dialer.add(peer, true);
    for (const peer of this.#added.values()) board.dialer.add(peer, false);
    await this.#discover(life, host);
    await this.#firstAttempts(life);
  }

  stop(): Promise<void> {
    const life = this.#life;
    if (life === undefined) return this.#stopped ?? Promise.resolve();
    this.#life = undefined;
    this.#topics.clear();
    this.#stopped = this.#end(life);
    return this.#stopped;
  }

  subscribe(topic: string): Promise<void> | undefined {
    if (this.#life !== undefined) return this.#life.context.interest.subscribe(topic);
    this.#topics.add(topic);
    return undefined;
  }

  unsubscribe(topic: string): void {
    if (this.#life !== undefined) this.#life.context.interest.unsubscribe(topic);
    else this.#topics.remove(topic);
  }

  publish(topic: string, data: Uint8Array): void {
    publishTo(this.#life?.context, this.#settings.limits.frameBytesMax, topic, data);
  }

  nodes(): readonly string[] {
    return this.#life?.board.upNames ?? [];
  }

  stats(): Readonly<Record<string, number>> {
    const life = this.#life;
    let queuedBytes = 0;
    for (const link of life?.board.links.values() ?? []) queuedBytes += link.outbox.queuedBytes;
    return {
      ...this.#counters,
      links_up: life?.board.upNames.length ?? 0,
      links_open: life?.board.links.size ?? 0,
      handshakes_open: life?.board.handshakes ?? 0,
      peers_known: life?.board.dialer.list().length ?? 0,
      topics_local: this.#topics.size,
      topics_remote: life?.context.remote.size ?? 0,
      queued_bytes: queuedBytes,
      ...this.#discovery.stats(),
    };
  }

  connect(peer: string): void {
    const parsed = parsePeer(peer);
    this.#added.set(formatAddress(parsed.address), parsed);
    this.#life?.board.dialer.add(parsed, false);
  }

  forget(peer: string): void {
    const { address } = parsePeer(peer);
    this.#added.delete(formatAddress(address));
    this.#life?.board.dialer.remove(address);
  }

  disconnect(nodeName: string): void {
    for (const key of this.#life?.board.disconnect(nodeName) ?? []) this.#added.delete(key);
  }

  peers(): readonly MeshPeer[] {
    const targets = this.#life?.board.dialer.list() ?? [];
    return targets.map(({ key, learned, names, state }) => ({
      address: key,
      node: learned ?? names[0],
      state,
    }));
  }

  links(): readonly MeshLink[] {
    return [...(this.#life?.board.links ?? [])].map(([node, link]) => ({
      node,
      remote: link.remote,
      up: link.up,
      queuedBytes: link.outbox.queuedBytes,
      topics: link.topics.size,
    }));
  }

  #dial(dial: Dial): void {
    const life = this.#life;
    if (life === undefined) return;
    const { board } = life;
    this.#counters.dials += 1;
    this.#network
      .dial(dial.target.address, this.#settings.timing.dialTimeoutMs, (link) => board.take(link, dial))
      .catch((error: unknown) => {
        board.onDialFailed(dial, error instanceof Error ? error.message : String(error));
      });
  }

  #firstAttempts({ board, context }: Life): Promise<void> {
    return new Promise((resolve) => {
      const cancel = context.clock.after(this.#settings.timing.startTimeoutMs, resolve);
      board.dialer.whenTried(() => {
        cancel();
        resolve();
      });
    });
  }

  async #discover(life: Life, host: PubSubHost): Promise<void> {
    const { listener } = life;
    if (listener === undefined) return;
    const { nodeName, clock, random, logger } = host;
    const { secrets } = this.#settings;
    try {
      const { address } = listener;
      await this.#discovery.start({ nodeName, address, secrets, clock, random, logger });
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** What a person has listed or added stays. */
  #forgetFound(key: string, address: Address): void {
    const isListed = this.#settings.peers.some((peer) => formatAddress(peer.address) === key);
    if (!isListed && !this.#added.has(key)) this.#life?.board.dialer.remove(address);
  }

  #peerStates(): ReadonlyMap<string, PeerState> {
    return new Map(
      this.#life?.board.dialer
        .list()
        .map(({ key, state }) => [key, state === "waiting" || state === "dialling" ? "away" : state]),
    );
  }

  async #end(life: Life): Promise<void> {
    const { board, context, listener } = life;
    life.cancelTick();
    // First nobody is found any more, and the others learn that this node is not to be found.
    await this.#discovery.stop();
    const closed = listener?.close();
    const { gone, cut } = board.stop();
    context.interest.stop();
    const cancel = context.clock.after(this.#settings.timing.stopTimeoutMs, cut);
    await gone;
    cancel();
    await closed;
  }

  #onNetworkFault(host: string, reason: string): void {
    this.#counters.tls_faults += 1;
    this.#life?.context.log.warn(`tls ${host}`, "mesh connection refused", { remote: host, reason });
  }
}

/**
 * Links the nodes of a cluster with each other directly: nothing to install, made for one machine or a small
 * cluster. Throws `mesh_config_invalid` for options that cannot work.
 */
export function mesh(options: MeshOptions): MeshAdapter {
  return new Mesh(options);
}

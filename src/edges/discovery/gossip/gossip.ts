import type { Socket } from "node:dgram";
import { isIPv4 } from "node:net";
import type { Cancel } from "../../../contracts/clock.js";
import type { DiscoveryHost, DiscoveryStrategy } from "../../../contracts/discovery.js";
import { invalidDiscovery } from "../../../runtime/discovery/check.js";
import { QuietLog } from "../quiet-log.js";
import { openSocket } from "./gossip-socket.js";
import { decodeMessage, encodeMessage, isName, isReachable } from "./message.js";
import { type GossipOptions, type GossipSettings, resolveGossip } from "./options.js";
import { lifeBytes, PacketCodec, type PacketFault } from "./packet.js";
import { Roster } from "./roster.js";

/** Why a packet was not taken, in words; the names are those of the counters. */
const faults = {
  packets_garbage: "it is not ours",
  packets_oversize: "it is too large",
  packets_version: "its version is another",
  packets_plain: "it is not sealed",
  packets_sealed: "it is sealed, and there is no secret here",
  packets_forged: "it is not sealed with the secret of this cluster",
  packets_replayed: "it was sent before",
  packets_unreachable: "nobody but its own machine can dial the address in it",
} as const satisfies Record<PacketFault | "packets_replayed" | "packets_unreachable", string>;

type Fault = keyof typeof faults;

const isWildcard = (host: string): boolean => host === "0.0.0.0" || host === "::";

/** One start of gossip. */
class GossipLife {
  readonly #settings: GossipSettings;
  readonly #host: DiscoveryHost;
  readonly #counters: Record<string, number>;
  readonly #log: QuietLog;
  readonly #life: Buffer;
  readonly #roster: Roster;
  readonly #codec: PacketCodec;
  #socket: Socket | undefined;
  #cancelPeriod: Cancel = () => {};
  #cancelAnswer: Cancel | undefined;
  #over = false;
  #failing = false;
  #secondStartMs = 0;
  #packetsInSecond = 0;

  constructor(settings: GossipSettings, host: DiscoveryHost, counters: Record<string, number>) {
    this.#settings = settings;
    this.#host = host;
    this.#counters = counters;
    this.#log = new QuietLog(host.clock, host.logger, settings.timing.logRepeatMs);
    this.#life = Buffer.from(host.random.bytes(lifeBytes));
    this.#roster = new Roster(this.#life.toString("hex"), settings.limits.nodesMax);
    this.#codec = new PacketCodec(settings.secrets ?? host.secrets, this.#life);
  }

  get nodes(): number {
    return this.#roster.size - this.#roster.unconfirmed;
  }

  get unconfirmed(): number {
    return this.#roster.unconfirmed;
  }

  async open(): Promise<void> {
    const { address } = this.#host;
    const listens = isIPv4(address.host) && !isWildcard(address.host) ? address.host : undefined;
    const socket = await openSocket(this.#settings, this.#settings.interface ?? listens, {
      onPacket: (packet, from) => this.#onPacket(packet, from),
      onError: (error) => this.#onSendFailed(error),
    });
    if (this.#over) return void socket.close();
    this.#socket = socket;
    this.#period();
  }

  async close(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    this.#cancelPeriod();
    this.#cancelAnswer?.();
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return;
    await Promise.all(this.#settings.targets.map((target) => this.#say(socket, target, true)));
    await new Promise<void>((resolve) => socket.close(() => resolve()));
  }

  #period(): void {
    const { periodMs, expiryMs } = this.#settings.timing;
    const { clock, random } = this.#host;
    this.#cancelPeriod = clock.after(periodMs * (0.75 + random.fraction() / 2), () => this.#period());
    const changed = this.#roster.expire(clock.monotonic() - expiryMs);
    this.#speak();
    if (changed) this.#tell();
  }

  #tell(): void {
    this.#host.view(this.#roster.view());
  }

  #speak(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    for (const target of this.#settings.targets) void this.#say(socket, target, false);
    if (this.#roster.owesMention) this.#answerSoon();
  }

  async #say(socket: Socket, target: string, leaving: boolean): Promise<void> {
    const { nodeName, address } = this.#host;
    const host = this.#settings.advertise ?? (isWildcard(address.host) ? "" : address.host);
    const body = encodeMessage({
      leaving,
      port: address.port,
      name: nodeName,
      host,
      marks: this.#roster.mention(),
    });
    const packet = this.#codec.seal(body);
    await new Promise<void>((resolve) => {
      socket.send(packet, this.#settings.port, target, (error) => {
        if (error) this.#onSendFailed(error);
        else this.#onSent();
        resolve();
      });
    });
  }

  #onSent(): void {
    this.#count("packets_out");
    if (!this.#failing || this.#over) return;
    this.#failing = false;
    this.#tell();
  }

  #onSendFailed(error: Error): void {
    this.#count("send_errors");
    if (this.#over) return;
    this.#failing = true;
    this.#host.failed(`cannot send: ${error.message}`);
  }

  /** Who is new here learns soon that it was heard; all who came meanwhile learn it together. */
  #answerSoon(): void {
    if (this.#cancelAnswer !== undefined || this.#over) return;
    const delayMs = this.#settings.timing.answerMs * (0.2 + 0.8 * this.#host.random.fraction());
    this.#cancelAnswer = this.#host.clock.after(delayMs, () => {
      this.#cancelAnswer = undefined;
      this.#speak();
    });
  }

  #onPacket(packet: Buffer, from: string): void {
    if (this.#over || this.#isFlooded()) return;
    const opened = this.#codec.open(packet);
    if (typeof opened === "string") return this.#refuse(opened, from);
    // Everybody hears oneself, too.
    if (opened.life === this.#life.toString("hex")) return this.#count("packets_own");
    const message = decodeMessage(opened.body);
    if (message === undefined) return this.#refuse("packets_garbage", from);
    const host = message.host === "" ? from : message.host;
    if (!isReachable(host, from, this.#host.address.host)) {
      return this.#refuse("packets_unreachable", from);
    }
    const nowMs = this.#host.clock.monotonic();
    const heard = this.#roster.hear(opened.life, opened.counter, message, host, nowMs);
    if (heard === "replayed") return this.#refuse("packets_replayed", from);
    this.#count("packets_in");
    if (heard === "full") {
      this.#count("nodes_over_limit");
      return this.#log.warn("full", "gossip hears more nodes than its limit", { nodes: this.#roster.size });
    }
    if (heard === "news") this.#tell();
    if (this.#roster.owesMention) this.#answerSoon();
  }

  #isFlooded(): boolean {
    const nowMs = this.#host.clock.monotonic();
    if (nowMs - this.#secondStartMs >= 1_000) {
      this.#secondStartMs = nowMs;
      this.#packetsInSecond = 0;
    }
    this.#packetsInSecond += 1;
    const { packetsPerSecondMax } = this.#settings.limits;
    if (this.#packetsInSecond <= packetsPerSecondMax) return false;
    this.#count("packets_flooded");
    this.#log.warn("flood", "gossip drops packets unread: too many in a second", { packetsPerSecondMax });
    return true;
  }

  #refuse(fault: Fault, from: string): void {
    this.#count(fault);
    this.#log.warn(`${fault} ${from}`, "gossip packet refused", { from, reason: faults[fault] });
  }

  #count(name: string): void {
    this.#counters[name] = (this.#counters[name] ?? 0) + 1;
  }
}

class Gossip implements DiscoveryStrategy {
  readonly kind = "gossip";
  readonly #settings: GossipSettings;
  readonly #counters: Record<string, number> = {
    packets_in: 0,
    packets_out: 0,
    packets_own: 0,
    packets_flooded: 0,
    send_errors: 0,
    nodes_over_limit: 0,
    ...Object.fromEntries(Object.keys(faults).map((name) => [name, 0])),
  };
  #life: GossipLife | undefined;

  constructor(options: GossipOptions) {
    this.#settings = resolveGossip(options);
  }

  async start(host: DiscoveryHost): Promise<void> {
    if (!isName(host.nodeName))
      throw invalidDiscovery("the node's name must be 1 to 255 bytes without spaces");
    const life = new GossipLife(this.#settings, host, this.#counters);
    this.#life = life;
    await life.open();
  }

  async stop(): Promise<void> {
    const life = this.#life;
    this.#life = undefined;
    await life?.close();
  }

  stats(): Readonly<Record<string, number>> {
    return {
      ...this.#counters,
      nodes: this.#life?.nodes ?? 0,
      nodes_unconfirmed: this.#life?.unconfirmed ?? 0,
    };
  }
}

/**
 * The nodes of a network call out to each other by UDP, multicast or broadcast, and so find each other without anybody
 * listing them. Packets are sealed with the cluster's secret. Throws `discovery_config_invalid`.
 */
export function gossip(options: GossipOptions = {}): DiscoveryStrategy {
  return new Gossip(options);
}

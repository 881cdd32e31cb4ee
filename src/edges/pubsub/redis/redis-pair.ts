import { ErrorReply } from "redis";
import type { Address } from "../../../contracts/network.js";
import type { BrokerLinkHandler } from "../broker-driver.js";
import { connectClient, type RedisAccess, type RedisClient, reasonOf } from "./redis-client.js";

/** Names in one command: few enough that the server is not busy with it for long. */
const namesPerCommand = 1_000;

/** Bytes around the name and the data of a published message. */
const overheadBytes = 48;

/** A server that does not permit PING has answered, too. */
function takeAnswer(error: unknown): void {
  if (!(error instanceof ErrorReply)) throw error;
}

/** How channels are used at a server. */
export interface ChannelUse {
  /** Sharded channels: in a cluster a message stays within the shard of its channel. */
  readonly sharded: boolean;
  /** One server for all channels, so that one command may name several. */
  readonly whole: boolean;
}

/**
 * Two connections to one server. A subscriber that is slow to read is cut off by the server; what this node publishes
 * does not suffer from it, and never waits behind what it receives.
 */
export class RedisPair {
  readonly publisher: RedisClient;
  readonly #subscriber: RedisClient;
  readonly #handler: BrokerLinkHandler;
  readonly #use: ChannelUse;
  readonly #listener: (message: Buffer, channel: Buffer) => void;
  #pendingBytes = 0;
  #over = false;

  private constructor(
    publisher: RedisClient,
    subscriber: RedisClient,
    use: ChannelUse,
    handler: BrokerLinkHandler,
  ) {
    this.publisher = publisher;
    this.#subscriber = subscriber;
    this.#use = use;
    this.#handler = handler;
    // Names are ASCII, so that bytes are characters.
    this.#listener = (message, channel) => handler.onMessage(channel.toString("latin1"), message);
    subscriber.on("sharded-channel-moved", () => this.#lose("a channel has moved to another server"));
  }

  /** Connects both; `publisher` when there is one already. `onLost` is told once at most. */
  static async connect(
    access: RedisAccess,
    at: Address | undefined,
    use: ChannelUse,
    handler: BrokerLinkHandler,
    publisher?: RedisClient,
  ): Promise<RedisPair> {
    let pair: RedisPair | undefined;
    let early: string | undefined;
    const onLost = (reason: string) => {
      if (pair === undefined) early ??= reason;
      else pair.#lose(reason);
    };
    const first = publisher ?? (await connectClient(access, at, onLost));
    // One that was given tells its owner of errors, who cannot know of this pair.
    if (publisher !== undefined) publisher.on("error", (error: unknown) => onLost(reasonOf(error)));
    try {
      pair = new RedisPair(first, await connectClient(access, at, onLost), use, handler);
    } catch (error) {
      first.destroy();
      throw error;
    }
    if (early !== undefined) pair.#lose(early);
    return pair;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  async subscribe(names: readonly string[]): Promise<void> {
    const { sharded } = this.#use;
    const told = this.#groups(names).map((group) => {
      const one = sharded
        ? this.#subscriber.sSubscribe(group, this.#listener, true)
        : this.#subscriber.subscribe(group, this.#listener, true);
      return one.catch((error) => this.#judge(error, `subscribe ${group[0]}`));
    });
    await Promise.all(told);
    if (this.#over) throw new Error("the link is over");
  }

  unsubscribe(names: readonly string[]): void {
    const { sharded } = this.#use;
    for (const group of this.#groups(names)) {
      const told = sharded
        ? this.#subscriber.sUnsubscribe(group, this.#listener, true)
        : this.#subscriber.unsubscribe(group, this.#listener, true);
      told.catch((error) => this.#judge(error, "unsubscribe"));
    }
  }

  publish(name: string, data: Uint8Array): void {
    if (this.#over) return;
    const size = name.length + data.length + overheadBytes;
    this.#pendingBytes += size;
    const command = this.#use.sharded ? "SPUBLISH" : "PUBLISH";
    const bytes = Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    this.publisher.sendCommand([command, name, bytes]).then(
      () => {
        this.#pendingBytes -= size;
      },
      (error: unknown) => {
        this.#pendingBytes -= size;
        this.#judge(error, `publish ${name}`);
      },
    );
  }

  async settled(): Promise<void> {
    await Promise.all([this.publisher, this.#subscriber].map((client) => client.ping().catch(takeAnswer)));
  }

  destroy(): void {
    this.#over = true;
    this.publisher.destroy();
    this.#subscriber.destroy();
  }

  /** An error is either a matter of permissions, or the end of the link. */
  #judge(error: unknown, what: string): void {
    if (this.#over) return;
    const reason = reasonOf(error);
    if (error instanceof ErrorReply && reason.startsWith("NOPERM")) this.#handler.onRefused(what);
    else this.#lose(reason);
  }

  #lose(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#handler.onLost(reason);
  }

  #groups(names: readonly string[]): string[][] {
    const size = this.#use.whole ? namesPerCommand : 1;
    const groups: string[][] = [];
    for (let at = 0; at < names.length; at += size) groups.push(names.slice(at, at + size));
    return groups;
  }
}

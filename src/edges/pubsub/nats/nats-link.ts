import type { Msg, NatsConnection, Subscription } from "@nats-io/transport-node";
import { PermissionViolationError } from "@nats-io/transport-node";
import type { BrokerLink, BrokerLinkHandler } from "../broker-driver.js";

/** After this many bytes the server is asked for a sign, so that it is known how much is still on the way. */
const markBytes = 262_144;

/** Bytes around the name and the data of a published message. */
const overheadBytes = 16;

/** One connection of the NATS client. */
export class NatsLink implements BrokerLink {
  readonly #connection: NatsConnection;
  readonly #handler: BrokerLinkHandler;
  readonly #subscriptions = new Map<string, Subscription>();
  #sentBytes = 0;
  #markedBytes = 0;
  #takenBytes = 0;
  /** Of everybody who waits for the server. The client forgets them when the connection ends. */
  readonly #waiting = new Set<(error: Error) => void>();
  #over = false;

  constructor(connection: NatsConnection, handler: BrokerLinkHandler) {
    this.#connection = connection;
    this.#handler = handler;
    void connection.closed().then((error) => {
      const lost = !this.#over;
      const reason = error instanceof Error ? error.message : "closed by the server";
      this.#end(reason);
      if (lost) handler.onLost(reason);
    });
    void this.#readStatus();
  }

  get remote(): string {
    return this.#connection.getServer();
  }

  get messageBytesMax(): number {
    return this.#connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
  }

  get pendingBytes(): number {
    return this.#sentBytes - this.#takenBytes;
  }

  subscribe(names: readonly string[]): Promise<void> {
    if (this.#over) return Promise.reject(new Error("the link is over"));
    for (const name of names) {
      const callback = (error: Error | null, message: Msg) => {
        // What is not allowed is told by the connection's status, too.
        if (error === null) this.#handler.onMessage(name, message.data);
      };
      this.#subscriptions.set(name, this.#connection.subscribe(name, { callback }));
    }
    return this.settled();
  }

  unsubscribe(names: readonly string[]): void {
    for (const name of names) {
      this.#subscriptions.get(name)?.unsubscribe();
      this.#subscriptions.delete(name);
    }
  }

  publish(name: string, data: Uint8Array): void {
    // Between the end of the connection and our hearing of it: lost, as what is still on its way is.
    if (this.#over || this.#connection.isClosed()) return;
    this.#connection.publish(name, data);
    this.#sentBytes += name.length + data.length + overheadBytes;
    if (this.#sentBytes - this.#markedBytes >= markBytes) this.settled().catch(() => {});
  }

  settled(): Promise<void> {
    if (this.#over) return Promise.reject(new Error("the link is over"));
    const sentBytes = this.#sentBytes;
    this.#markedBytes = sentBytes;
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      const done = () => {
        this.#waiting.delete(reject);
        this.#takenBytes = sentBytes;
        resolve();
      };
      this.#connection.flush().then(done, reject);
    });
  }

  destroy(): void {
    this.#end("closed");
    // Not awaited: it closes the socket at once, the rest is the client's own business.
    this.#connection.close().catch(() => {});
  }

  #end(reason: string): void {
    this.#over = true;
    this.#subscriptions.clear();
    for (const reject of this.#waiting) reject(new Error(reason));
    this.#waiting.clear();
  }

  async #readStatus(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type !== "error") continue;
      const { error } = status;
      if (error instanceof PermissionViolationError) {
        this.#handler.onRefused(`${error.operation} ${error.subject}`);
      }
    }
  }
}

import type { BrokerConnect, BrokerDriver, BrokerLink } from "../../src/edges/pubsub/broker-driver.js";

/** A link whose broker is the test: it keeps what it is told, and answers when the test says so. */
export class FakeLink implements BrokerLink {
  readonly remote = "fake:1";
  messageBytesMax = 1_000_000;
  pendingBytes = 0;
  destroyed = false;
  /** Whether it answers at once. */
  answers = true;
  readonly told: string[] = [];
  readonly published: { readonly name: string; readonly data: Uint8Array }[] = [];
  readonly #waiting: { resolve(): void; reject(error: Error): void }[] = [];
  readonly #request: BrokerConnect;

  constructor(request: BrokerConnect) {
    this.#request = request;
  }

  subscribe(names: readonly string[]): Promise<void> {
    this.told.push(`+${names.join(" +")}`);
    return this.settled();
  }

  unsubscribe(names: readonly string[]): void {
    this.told.push(`-${names.join(" -")}`);
  }

  publish(name: string, data: Uint8Array): void {
    this.published.push({ name, data });
  }

  settled(): Promise<void> {
    if (this.destroyed) return Promise.reject(new Error("destroyed"));
    if (this.answers) return Promise.resolve();
    return new Promise((resolve, reject) => void this.#waiting.push({ resolve, reject }));
  }

  destroy(): void {
    this.destroyed = true;
    for (const one of this.#waiting.splice(0)) one.reject(new Error("destroyed"));
  }

  /** Answers what waits. */
  answer(): void {
    for (const one of this.#waiting.splice(0)) one.resolve();
  }

  deliver(name: string, data: Uint8Array): void {
    this.#request.handler.onMessage(name, data);
  }

  lose(reason: string): void {
    this.#request.handler.onLost(reason);
  }
}

/** Makes such links, or fails to. */
export class FakeDriver implements BrokerDriver {
  readonly engine = "fake";
  readonly separator = ".";
  echoes = false;
  readonly links: FakeLink[] = [];
  attempts = 0;
  /** What the next attempts end with. */
  failure: Error | undefined = undefined;
  /** What is done to each new link. */
  prepare: (link: FakeLink) => void = () => {};

  async connect(request: BrokerConnect): Promise<BrokerLink> {
    this.attempts += 1;
    if (this.failure !== undefined) throw this.failure;
    const link = new FakeLink(request);
    this.prepare(link);
    this.links.push(link);
    return link;
  }

  get last(): FakeLink {
    const link = this.links.at(-1);
    if (link === undefined) throw new Error("there is no link");
    return link;
  }
}

import type { PubSubAdapter, PubSubHost } from "../../src/contracts/pubsub-adapter.js";

/** An engine whose cluster is the test: it keeps what is told to it, and announces when the test says so. */
export class FakeAdapter implements PubSubAdapter {
  readonly engine = "fake";
  healthy = true;
  readonly subscribed = new Set<string>();
  readonly published: { readonly topic: string; readonly data: Uint8Array }[] = [];
  host: PubSubHost | undefined = undefined;
  /** What `subscribe` returns; by default nobody has to be told. */
  announcing: (topic: string) => Promise<void> | undefined = () => undefined;
  /** What `publish` throws. */
  refusal: Error | undefined = undefined;
  /** What `start` does. */
  starting: () => Promise<void> = () => Promise.resolve();
  stops = 0;

  start(host: PubSubHost): Promise<void> {
    this.host = host;
    return this.starting();
  }

  stop(): Promise<void> {
    this.stops += 1;
    return Promise.resolve();
  }

  subscribe(topic: string): Promise<void> | undefined {
    const announced = this.announcing(topic);
    this.subscribed.add(topic);
    return announced;
  }

  unsubscribe(topic: string): void {
    this.subscribed.delete(topic);
  }

  publish(topic: string, data: Uint8Array): void {
    if (this.refusal !== undefined) throw this.refusal;
    this.published.push({ topic, data });
  }

  nodes(): readonly string[] {
    return [];
  }

  stats(): Readonly<Record<string, number>> {
    return {};
  }
}

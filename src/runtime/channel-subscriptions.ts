import type { Broadcast } from "./broadcast.js";
import type { PubSub, Subscriber } from "./pubsub.js";

interface Subscription extends Subscriber {
  readonly topic: string;
}

/** The topics that a channel subscribed to by hand; one topic as often as it was asked for. */
export class ChannelSubscriptions {
  readonly #pubsub: PubSub;
  readonly #hear: (broadcast: Broadcast) => void;
  #subscriptions: Subscription[] = [];

  /** `hear` is told of every event, outside of its dispatch. */
  constructor(pubsub: PubSub, hear: (broadcast: Broadcast) => void) {
    this.#pubsub = pubsub;
    this.#hear = hear;
  }

  /** Adds a subscription. What `own` sends to all others does not come back to it on this way, either. */
  add(topic: string, own: Subscriber): void {
    const subscription: Subscription = {
      topic,
      receive: (broadcast, from) => {
        if (from !== own) this.#pubsub.afterDispatch(() => this.#tell(subscription, broadcast));
      },
    };
    this.#pubsub.subscribe(topic, subscription);
    this.#subscriptions.push(subscription);
  }

  /** The subscription may have ended between the dispatch and now. */
  #tell(subscription: Subscription, broadcast: Broadcast): void {
    if (this.#subscriptions.includes(subscription)) this.#hear(broadcast);
  }

  /** Ends all subscriptions to a topic. */
  remove(topic: string): void {
    const kept: Subscription[] = [];
    for (const subscription of this.#subscriptions) {
      if (subscription.topic === topic) this.#pubsub.unsubscribe(topic, subscription);
      else kept.push(subscription);
    }
    this.#subscriptions = kept;
  }

  /** Ends all of them. */
  clear(): void {
    for (const subscription of this.#subscriptions) {
      this.#pubsub.unsubscribe(subscription.topic, subscription);
    }
    this.#subscriptions = [];
  }
}

import type { Broadcast } from "../../runtime/broadcast.js";
import type { Subscriber } from "../../runtime/pubsub.js";
import type { Message } from "./ledger.js";
import type { Life } from "./life.js";

/** Somebody who listens on a node, and remembers all. */
export class SimSubscriber implements Subscriber {
  readonly id: number;
  readonly life: Life;
  readonly topic: string;
  /** It was removed, and must hear nothing more. */
  removed = false;
  readonly heard = new Set<Message>();
  /** The number of the last message of each publisher's life. */
  readonly last = new Map<Life, number>();
  readonly #onReceive: (subscriber: SimSubscriber, broadcast: Broadcast) => void;

  constructor(
    id: number,
    life: Life,
    topic: string,
    onReceive: (subscriber: SimSubscriber, broadcast: Broadcast) => void,
  ) {
    this.id = id;
    this.life = life;
    this.topic = topic;
    this.#onReceive = onReceive;
  }

  receive(broadcast: Broadcast): void {
    this.#onReceive(this, broadcast);
  }

  get label(): string {
    return `subscriber ${this.id} of ${this.topic} on ${this.life.label}`;
  }
}

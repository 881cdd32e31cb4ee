import type { Broadcast } from "../../../runtime/broadcast.js";
import type { TrackedChannel } from "../../../runtime/presence/node-presence.js";
import type { Subscriber } from "../../../runtime/pubsub.js";
import type { Tracked } from "./model.js";
import type { PresenceView } from "./view.js";

/** A channel of a simulated user: it may be tracked, and its client may watch who else is there. */
export class SimChannel implements TrackedChannel, Subscriber {
  readonly topic: string;
  readonly number: number;
  /** What its client knows; undefined when that did not ask. */
  readonly view: PresenceView | undefined;
  /** What it has tracked, by topic and key. */
  readonly tracked = new Map<string, Tracked>();
  readonly #endings: (() => void)[] = [];
  #alive = true;

  constructor(topic: string, number: number, view: PresenceView | undefined) {
    this.topic = topic;
    this.number = number;
    this.view = view;
  }

  get alive(): boolean {
    return this.#alive;
  }

  onEnd(ending: () => void): void {
    this.#endings.push(ending);
  }

  /** Its client may do everything. */
  mayTrack(): boolean {
    return true;
  }

  push(event: string, payload: object): void {
    if (this.#alive) this.view?.take(event, payload);
  }

  receive({ event, payload }: Broadcast): void {
    // The events of presence carry objects, and no others come on these topics.
    if (this.#alive) this.view?.take(event, payload as object);
  }

  end(): void {
    this.#alive = false;
    for (const ending of this.#endings.splice(0)) ending();
  }
}

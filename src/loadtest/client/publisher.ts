import type { Prng } from "../../core/shared/prng.js";
import type { Relay } from "../link/messages.js";
import type { PublishSettings } from "../scenario/plan.js";

/** Makes the payloads of messages and numbers them; keeps what the other workers must be told. */
export class Publisher {
  readonly #settings: PublishSettings;
  readonly #random: Prng;
  readonly #before: string;
  readonly #after: string;
  readonly #padding: string;
  readonly #next = new Map<number, number>();
  #untold = new Map<number, { first: number; sentUs: number[] }>();

  constructor(settings: PublishSettings, random: Prng) {
    this.#settings = settings;
    this.#random = random;
    const [before = "", ...after] = JSON.stringify(settings.payload).split('"{message}"');
    this.#before = before;
    this.#after = after.join("");
    this.#padding = "x".repeat(settings.bytesMax);
  }

  /** The event to push. */
  get event(): string {
    return this.#settings.event;
  }

  /** What a message is to bring about. */
  get expect(): PublishSettings["expect"] {
    return this.#settings.expect;
  }

  /** The number of the next message to a topic. */
  number(topic: number, sentUs: number): number {
    const seq = this.#next.get(topic) ?? 0;
    this.#next.set(topic, seq + 1);
    // Nobody waits for the deliveries of anything else.
    if (this.#settings.expect !== "broadcast") return seq;
    const untold = this.#untold.get(topic);
    if (untold === undefined) this.#untold.set(topic, { first: seq, sentUs: [Math.round(sentUs)] });
    else untold.sentUs.push(Math.round(sentUs));
    return seq;
  }

  /** The payload with a stamp in it, as JSON, padded to the size that is wanted. */
  payload(stamp: string): string {
    const { bytesMin, bytesMax } = this.#settings;
    const wanted = bytesMin + Math.floor(this.#random.fraction() * (bytesMax - bytesMin + 1));
    const bare = `{"stamp":"${stamp}","pad":"`;
    const missing = Math.max(0, wanted - bare.length - 2);
    return `${this.#before}${bare}${this.#padding.slice(0, missing)}"}${this.#after}`;
  }

  /** What was sent since the last time. */
  takeUntold(): Relay["published"] {
    const told = [...this.#untold].map(([topic, { first, sentUs }]) => [topic, first, sentUs] as const);
    this.#untold = new Map();
    return told;
  }
}

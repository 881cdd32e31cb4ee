import type { World } from "./world.js";

/** When two nodes last had a fault between them. */
export class Calm {
  readonly #world: World;
  readonly #disturbances = new Map<string, { ongoing: number; times: number; lastUs: number }>();

  constructor(world: World) {
    this.#world = world;
  }

  /** A fault between two nodes begins, or happens; it lasts until the returned function is called. */
  disturb(a: string, b: string): () => void {
    const pair = this.#pair(a, b);
    pair.ongoing += 1;
    pair.times += 1;
    let over = false;
    return () => {
      if (over) return;
      over = true;
      pair.ongoing -= 1;
      pair.lastUs = this.#world.nowUs;
    };
  }

  /** Whether nothing has been the matter between two nodes since a moment. */
  since(a: string, b: string, sinceUs: number): boolean {
    const { ongoing, lastUs } = this.#pair(a, b);
    return ongoing === 0 && lastUs < sinceUs;
  }

  /** How many faults there have been between two nodes. */
  times(a: string, b: string): number {
    return this.#pair(a, b).times;
  }

  #pair(a: string, b: string) {
    const key = a < b ? `${a} ${b}` : `${b} ${a}`;
    const known = this.#disturbances.get(key);
    if (known !== undefined) return known;
    const pair = { ongoing: 0, times: 0, lastUs: 0 };
    this.#disturbances.set(key, pair);
    return pair;
  }
}

import type { Calm } from "../calm.js";
import type { Life } from "../life.js";
import type { World } from "../world.js";
import type { PresenceResident } from "./resident.js";

/** What farewells are watched with. */
export interface FarewellParts {
  readonly world: World;
  readonly calm: Calm;
  readonly calmAfterMs: number;
  readonly noticeWithinMs: number;
  readonly topics: readonly string[];
  readonly residents: () => readonly PresenceResident[];
}

/** Whoever leaves in good order is gone for all others at once, and not only when its silence is noticed. */
export class Farewells {
  readonly #parts: FarewellParts;
  /** Of the lives that leave: the nodes with which nothing was the matter before. */
  readonly #witnesses = new Map<Life, readonly PresenceResident[]>();

  constructor(parts: FarewellParts) {
    this.#parts = parts;
  }

  /** A node is about to leave. */
  leaving(life: Life): void {
    const { world, calm, calmAfterMs, residents } = this.#parts;
    const sinceUs = world.nowUs - calmAfterMs * 1_000;
    const isCalm = (one: PresenceResident): boolean =>
      one.open &&
      (one.readyUs ?? world.nowUs) < sinceUs &&
      one.life.up.has(life.name) &&
      life.up.has(one.life.name) &&
      calm.since(life.name, one.life.name, sinceUs);
    if (life.resident?.open !== true) return;
    this.#witnesses.set(
      life,
      residents().filter((one) => one.life !== life && isCalm(one)),
    );
  }

  /** It has said so. */
  left(life: Life): void {
    const { world, calm, noticeWithinMs } = this.#parts;
    const leftUs = world.nowUs;
    for (const witness of this.#witnesses.get(life) ?? []) {
      const times = calm.times(life.name, witness.life.name);
      world.after(noticeWithinMs * 1_000, () => {
        const { process, name } = witness.life;
        // A fault since then, a standstill or the next life excuses.
        if (!witness.open || process.frozen || process.thawedAtUs > leftUs) return;
        if (calm.times(life.name, name) === times) this.#judge(witness, life);
      });
    }
    this.#witnesses.delete(life);
  }

  #judge(witness: PresenceResident, life: Life): void {
    for (const topic of this.#parts.topics) {
      for (const list of witness.node.list(topic).values()) {
        const left = list.find(({ replica }) => replica.endsWith(`@${life.name}`));
        if (left !== undefined) witness.fail(`still lists ${left.ref} of ${life.label}, which took leave`);
      }
    }
  }
}

import type { Prng } from "../../../core/shared/prng.js";
import type { PresenceResident } from "./resident.js";

/** Channels on one node at a time; beyond, some end. */
const channelsMax = 60;

/** What the users do who are to be seen by others. */
export class PresenceUsers {
  readonly #chance: Prng;
  readonly #topics: readonly string[];
  readonly #keys: number;
  readonly #residents: () => readonly PresenceResident[];

  constructor(
    chance: Prng,
    topics: readonly string[],
    keys: number,
    residents: () => readonly PresenceResident[],
  ) {
    this.#chance = chance;
    this.#topics = topics;
    this.#keys = keys;
    this.#residents = residents;
  }

  /** One deed of one user on some node that runs. */
  deed(): void {
    const chance = this.#chance;
    const resident = chance.pick(this.#residents().filter((one) => one.open && !one.life.process.frozen));
    if (resident === undefined) return;
    const draw = chance.fraction();
    if (draw < 0.3) this.#come(resident, chance.chance(0.3));
    else if (draw < 0.33) for (let i = chance.between(5, 40); i > 0; i--) this.#come(resident, false);
    else if (draw < 0.45) this.#trackMore(resident);
    else if (draw < 0.65) this.#change(resident);
    else if (draw < 0.75) this.#takeBack(resident);
    else if (draw < 0.98) this.#leave(resident);
    else for (const channel of [...resident.channels]) if (chance.chance(0.7)) resident.end(channel);
  }

  /** On every node somebody watches each topic, somebody comes, and one who is there changes or goes. */
  round(): void {
    for (const resident of this.#residents()) {
      for (const topic of this.#topics) void resident.join(topic, this.#key(), true);
      this.#change(resident);
      this.#takeBack(resident);
      this.#leave(resident);
    }
  }

  #come(resident: PresenceResident, watches: boolean): void {
    if (resident.channels.size + resident.joining >= channelsMax) return this.#leave(resident);
    void resident.join(this.#topic(), this.#key(), watches);
  }

  /** A channel may have several keys, and may be in other topics, too. */
  #trackMore(resident: PresenceResident): void {
    const channel = this.#chance.pick([...resident.channels]);
    if (channel !== undefined) resident.track(channel, this.#topic(), this.#key());
  }

  #change(resident: PresenceResident): void {
    const channel = this.#chance.pick([...resident.channels]);
    const tracked = this.#chance.pick([...(channel?.tracked.values() ?? [])]);
    if (channel !== undefined && tracked !== undefined) resident.update(channel, tracked);
  }

  #takeBack(resident: PresenceResident): void {
    const channel = this.#chance.pick([...resident.channels]);
    const tracked = this.#chance.pick([...(channel?.tracked.values() ?? [])]);
    if (channel !== undefined && tracked !== undefined) resident.untrack(channel, tracked);
  }

  #leave(resident: PresenceResident): void {
    const channel = this.#chance.pick([...resident.channels]);
    if (channel !== undefined) resident.end(channel);
  }

  #topic(): string {
    return this.#chance.pick(this.#topics) ?? "";
  }

  #key(): string {
    return `user${this.#chance.between(1, this.#keys)}`;
  }
}

import { type Channel, Presence } from "phoenix";
import type { Device, SessionMeta } from "../protocol.js";

/** Somebody in a room, with all sessions under that name. */
export interface Person {
  readonly name: string;
  readonly sessions: number;
  /** Each once, sorted. */
  readonly nodes: readonly string[];
  readonly devices: readonly Device[];
  /** Whether something is being written, other than in this tab. */
  readonly typing: boolean;
  /** Whether all sessions are gone, and the name is shown only because most that go are back at once. */
  readonly away: boolean;
}

/**
 * When a node dies or is replaced, its people leave and come back elsewhere, and the node that a tab has moved to
 * may not know everybody yet. Nobody who is back within this time is seen to leave.
 */
const awayMsMax = 2_000;

type Meta = SessionMeta & { readonly phx_ref: string };

/** Who is in one room: the official client's `Presence`, made calm. */
export class People {
  readonly #presence: Presence;
  readonly #changed: () => void;
  readonly #away = new Map<string, { readonly person: Person; readonly timer: number }>();
  #present = new Map<string, Person>();
  #ownRef: string | undefined;

  /** `changed` is called after every change. */
  constructor(channel: Channel, changed: () => void) {
    this.#changed = changed;
    this.#presence = new Presence(channel);
    this.#presence.onSync(() => this.#sync());
  }

  /** By name, in no order. */
  list(): Person[] {
    const away = [...this.#away.values()].map(({ person }) => person);
    return [...this.#present.values(), ...away];
  }

  /** The session that is this tab's own: what it types is known here. */
  own(ref: string | undefined): void {
    this.#ownRef = ref;
    this.#sync();
  }

  /** Forgets everybody. */
  end(): void {
    for (const { timer } of this.#away.values()) clearTimeout(timer);
    this.#away.clear();
    this.#present.clear();
  }

  #sync(): void {
    const before = this.#present;
    const people = this.#presence.list((name, { metas }: { metas: Meta[] }) => this.#person(name, metas));
    this.#present = new Map(people.map((person) => [person.name, person]));
    for (const [name, person] of before) if (!this.#present.has(name)) this.#sendAway(person);
    for (const [name, { timer }] of this.#away) {
      if (!this.#present.has(name)) continue;
      clearTimeout(timer);
      this.#away.delete(name);
    }
    this.#changed();
  }

  #person(name: string, metas: readonly Meta[]): Person {
    return {
      name,
      sessions: metas.length,
      nodes: [...new Set(metas.map(({ node }) => String(node)))].sort(),
      devices: [...new Set(metas.map(({ device }) => device))].sort(),
      typing: metas.some(({ typing, phx_ref }) => typing === true && phx_ref !== this.#ownRef),
      away: false,
    };
  }

  #sendAway(person: Person): void {
    const timer = setTimeout(() => {
      this.#away.delete(person.name);
      this.#changed();
    }, awayMsMax);
    this.#away.set(person.name, { person: { ...person, typing: false, away: true }, timer });
  }
}

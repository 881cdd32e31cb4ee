import type { Address, Link, LinkHandler, Listener, Network } from "../../contracts/network.js";
import type { Prng } from "../../core/shared/prng.js";
import type { Wire } from "./link-end.js";
import { LinkEnd } from "./link-end.js";
import type { Process } from "./process.js";
import type { Weather } from "./weather.js";
import type { World } from "./world.js";

const ordinaryBytesPerMs = 2_000;

type OnLink = (link: Link) => LinkHandler;

/** Something that listens, and what came through it. */
interface Door {
  readonly process: Process;
  readonly onLink: OnLink;
  readonly ends: Set<LinkEnd>;
  onEmpty: (() => void) | undefined;
}

/** A connection with both of its ends. */
export interface Connection {
  readonly ends: readonly [LinkEnd, LinkEnd];
  readonly hosts: readonly [string, string];
  readonly wire: Wire;
}

function keyOf({ host, port }: Address): string {
  return `${host}:${port}`;
}

/** What one process sees of the network. */
interface Attempt {
  readonly process: Process;
  readonly from: string;
  readonly to: Address;
  readonly onLink: OnLink;
  settled: boolean;
  resolve(): void;
  reject(reason: string): void;
}

/** Hosts that reach each other by connections, behind the `Network` contract; nothing of it is real. */
export class SimNetwork {
  readonly #world: World;
  readonly #weather: Weather;
  readonly #chance: Prng;
  readonly #doors = new Map<string, Door>();
  /** Hosts without power answer nothing. */
  readonly #dark = new Set<string>();
  readonly #connections = new Set<Connection>();
  #ids = 0;

  constructor(world: World, weather: Weather, chance: Prng) {
    this.#world = world;
    this.#weather = weather;
    this.#chance = chance;
  }

  /** Connections of which at least one end is open, the oldest first. */
  get connections(): ReadonlySet<Connection> {
    return this.#connections;
  }

  /** The network as a process on `host` sees it. */
  of(process: Process, host: string): Network {
    return {
      listen: (address, onLink) => this.#listen(process, address, onLink),
      dial: (address, timeoutMs, onLink) => this.#dial(process, host, address, timeoutMs, onLink),
    };
  }

  /** Ends of connections and listeners that a process still holds. */
  heldBy(process: Process): number {
    let held = 0;
    for (const { ends } of this.#connections) {
      // Without a handler it is still the system's.
      for (const end of ends) if (end.process === process && !end.closed && end.handler) held += 1;
    }
    for (const door of this.#doors.values()) if (door.process === process) held += 1;
    return held;
  }

  /** A process is gone; its system closes what it held, and tells the others. */
  release(process: Process): void {
    this.#removeDoors(process);
    for (const { ends } of [...this.#connections]) {
      for (const end of ends) if (end.process === process) end.abandon();
    }
  }

  /** A host loses its power: its process is gone, and nobody is told. */
  darken(process: Process, host: string): void {
    this.#removeDoors(process);
    this.#dark.add(host);
    for (const connection of [...this.#connections]) {
      if (connection.ends.every((end) => end.process !== process)) continue;
      connection.wire.dead = true;
      for (const end of connection.ends) if (end.process === process) end.abandon();
    }
  }

  /** The host has power again. */
  lighten(host: string): void {
    this.#dark.delete(host);
  }

  /** Breaks a connection; both ends are told. */
  break(connection: Connection): void {
    for (const end of connection.ends) {
      this.#world.after(this.#chance.between(0, 5_000), () => end.reset());
    }
  }

  #removeDoors(process: Process): void {
    for (const [key, door] of this.#doors) if (door.process === process) this.#doors.delete(key);
  }

  #listen(process: Process, address: Address, onLink: OnLink): Promise<Listener> {
    const key = keyOf(address);
    return new Promise((resolve, reject) => {
      process.handleNext(() => {
        if (this.#doors.has(key)) return reject(new Error("address in use"));
        const door: Door = { process, onLink, ends: new Set(), onEmpty: undefined };
        this.#doors.set(key, door);
        resolve({ address, close: () => this.#close(key, door) });
      });
    });
  }

  /** As a server of Node: closed when everything that came through it is. */
  #close(key: string, door: Door): Promise<void> {
    if (this.#doors.get(key) === door) this.#doors.delete(key);
    return new Promise((resolve) => {
      door.onEmpty = () => door.process.handleNext(resolve);
      if (door.ends.size === 0) door.onEmpty();
    });
  }

  #dial(process: Process, from: string, to: Address, timeoutMs: number, onLink: OnLink): Promise<void> {
    return new Promise((resolve, rejectWith) => {
      const settle = (act: () => void) => {
        if (attempt.settled) return;
        attempt.settled = true;
        act();
      };
      const reject = (reason: string) => settle(() => rejectWith(new Error(reason)));
      const attempt: Attempt = {
        process,
        from,
        to,
        onLink,
        settled: false,
        resolve: () => settle(resolve),
        reject,
      };
      this.#world.after(timeoutMs * 1_000, () => process.handle(() => reject("timeout")));
      const path = this.#weather.path(from, to.host);
      this.#world.after(path.latencyUs + this.#chance.between(0, path.jitterUs), () => this.#knock(attempt));
    });
  }

  /** A dial reaches the host, or nobody. */
  #knock(attempt: Attempt): void {
    const { process, from, to } = attempt;
    const way = this.#weather.path(from, to.host);
    const wayBack = this.#weather.path(to.host, from);
    if (way.cut || this.#dark.has(to.host)) return;
    const door = this.#doors.get(keyOf(to));
    const answerUs = wayBack.latencyUs + this.#chance.between(0, wayBack.jitterUs);
    if (door === undefined || way.refusals > 0) {
      this.#world.after(answerUs, () => {
        if (!wayBack.cut) process.handle(() => attempt.reject("refused"));
      });
      return;
    }
    const { ends, wire } = this.#connect(attempt, door);
    const [near, far] = ends;
    far.arriveNotBefore(this.#world.nowUs + answerUs);
    door.process.handle(() => {
      if (!far.closed) far.handler = door.onLink(far);
    });
    this.#world.after(answerUs, () => {
      if (wayBack.cut) {
        // The answer is lost: one side believes in a connection, the other does not.
        wire.dead = true;
        return near.abandon();
      }
      process.handle(() => {
        if (near.closed) return attempt.reject("reset");
        if (attempt.settled) return near.abandon();
        near.handler = attempt.onLink(near);
        attempt.resolve();
      });
      if (!process.alive) near.abandon();
    });
  }

  #connect({ process, from, to }: Attempt, door: Door): Connection {
    this.#ids += 1;
    const way = this.#weather.path(from, to.host);
    const wayBack = this.#weather.path(to.host, from);
    // So much must fit on the way that an ordinary load never fills it.
    const carriedBytes = ((way.latencyUs + way.jitterUs) / 1_000) * ordinaryBytesPerMs;
    const wire: Wire = {
      id: this.#ids,
      world: this.#world,
      chance: this.#chance,
      systemBytesMax: Math.max(carriedBytes, this.#chance.pick([2_048, 16_384, 65_536, 262_144]) ?? 0),
      highWaterBytes: this.#chance.pick([0, 1_024, 16_384]) ?? 0,
      dead: false,
      onClosed: (end) => {
        if (door.ends.delete(end) && door.ends.size === 0) door.onEmpty?.();
        if (connection.ends.every(({ closed }) => closed)) this.#connections.delete(connection);
      },
    };
    const near = new LinkEnd(wire, process, keyOf(to), way, wayBack);
    const far = new LinkEnd(wire, door.process, `${from}:${40_000 + wire.id}`, wayBack, way);
    near.peer = far;
    far.peer = near;
    const connection: Connection = { ends: [near, far], hosts: [from, to.host], wire };
    this.#connections.add(connection);
    door.ends.add(far);
    this.#world.note("connect", wire.id, from, to.host);
    return connection;
  }
}

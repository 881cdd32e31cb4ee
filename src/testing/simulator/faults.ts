import type { Prng } from "../../core/shared/prng.js";
import type { Calm } from "./calm.js";
import type { Cluster, Member } from "./cluster.js";
import type { SimNetwork } from "./network.js";
import type { Weather } from "./weather.js";
import type { World } from "./world.js";

/** What can go wrong. */
export const faultKinds = [
  "break",
  "half_open",
  "partition",
  "one_way",
  "slow",
  "refuse",
  "freeze",
  "kill",
  "dark",
  "stop",
  "wall_jump",
] as const;

/** One of the things that can go wrong. */
export type FaultKind = (typeof faultKinds)[number];

/** What faults are made with. */
export interface FaultParts {
  readonly world: World;
  readonly network: SimNetwork;
  readonly weather: Weather;
  readonly calm: Calm;
  readonly cluster: Cluster;
  readonly chance: Prng;
}

/** Makes things go wrong, and right again. */
export class Faults {
  /** How often each kind happened. */
  readonly counts = new Map<FaultKind, number>();
  readonly #parts: FaultParts;
  readonly #active = new Set<() => void>();

  constructor(parts: FaultParts) {
    this.#parts = parts;
  }

  /** Makes one thing go wrong, if there is something that can. */
  inflict(kind: FaultKind): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    const { chance, cluster } = this.#parts;
    const member = chance.pick(cluster.members);
    const other = chance.pick(cluster.members.filter((one) => one !== member));
    if (member === undefined || other === undefined) return;
    switch (kind) {
      case "break":
      case "half_open":
        return this.#connection(kind);
      case "partition":
        return this.#partition();
      case "one_way":
        return this.#between(kind, member, other, 8_000, (path) => path.sever());
      case "slow":
        return this.#between(kind, member, other, 5_000, (path) =>
          path.slow(chance.pick([2, 50, 500]) ?? 50),
        );
      case "refuse":
        return this.#refuse(member, other);
      case "freeze":
        return this.#freeze(member);
      case "kill":
      case "dark":
      case "stop":
        return this.#end(kind, member);
      case "wall_jump":
        return this.#jump(member);
      default:
        kind satisfies never;
    }
  }

  /** Everything is right again, and everybody is started. */
  heal(): void {
    const { cluster, world } = this.#parts;
    world.note("heal");
    for (const end of [...this.#active]) end();
    for (const member of cluster.members) this.#restart(member);
  }

  /** Does `undo` after a random time, or when all is healed. */
  #for(maxMs: number, undo: () => void): void {
    const { world, chance } = this.#parts;
    const end = () => {
      if (this.#active.delete(end)) undo();
    };
    this.#active.add(end);
    // Most faults are short; a few outlast every patience.
    const share = chance.fraction() ** 2;
    world.after((20 + share * maxMs) * 1_000, end);
  }

  #connection(kind: "break" | "half_open"): void {
    const { chance, network, world, calm, cluster } = this.#parts;
    const connection = chance.pick([...network.connections]);
    if (connection === undefined) return;
    const [a, b] = connection.hosts.map((host) => cluster.members.find((member) => member.host === host));
    if (a === undefined || b === undefined) return;
    world.note(kind, connection.wire.id);
    calm.disturb(a.name, b.name)();
    if (kind === "break") network.break(connection);
    else connection.wire.dead = true;
  }

  #partition(): void {
    const { chance, cluster, weather, calm, world } = this.#parts;
    const minority = cluster.members.filter(() => chance.chance(0.4));
    const majority = cluster.members.filter((member) => !minority.includes(member));
    world.note("partition", minority.map(({ name }) => name).join(" "));
    const ends = minority.flatMap((one) =>
      majority.flatMap((other) => [
        weather.path(one.host, other.host).sever(),
        weather.path(other.host, one.host).sever(),
        calm.disturb(one.name, other.name),
      ]),
    );
    this.#for(8_000, () => {
      world.note("partition healed");
      for (const end of ends) end();
    });
  }

  #between(
    kind: FaultKind,
    from: Member,
    to: Member,
    maxMs: number,
    begin: (path: ReturnType<Weather["path"]>) => () => void,
  ): void {
    const { weather, calm, world } = this.#parts;
    world.note(kind, from.name, to.name);
    const ends = [begin(weather.path(from.host, to.host)), calm.disturb(from.name, to.name)];
    this.#for(maxMs, () => {
      world.note(`${kind} over`, from.name, to.name);
      for (const end of ends) end();
    });
  }

  /** Links that are open are not touched by this. */
  #refuse(from: Member, to: Member): void {
    const { weather, world } = this.#parts;
    world.note("refuse", from.name, to.name);
    const path = weather.path(from.host, to.host);
    path.refusals += 1;
    this.#for(5_000, () => {
      path.refusals -= 1;
    });
  }

  #freeze(member: Member): void {
    const { cluster, world } = this.#parts;
    const process = member.life?.process;
    if (process === undefined || process.frozen) return;
    world.note("freeze", member.name);
    process.freeze();
    const over = cluster.disturb(member);
    this.#for(10_000, () => {
      world.note("thaw", member.name);
      process.thaw();
      over();
    });
  }

  #end(kind: "kill" | "dark" | "stop", member: Member): void {
    const { cluster } = this.#parts;
    // Whoever stands still cannot leave in good order.
    if (member.life === undefined || (kind === "stop" && member.life.process.frozen)) return;
    if (kind === "stop") cluster.stop(member);
    else cluster.kill(member, kind === "dark");
    this.#for(6_000, () => this.#restart(member));
  }

  #restart(member: Member): void {
    const { cluster, world } = this.#parts;
    if (member.life === undefined) cluster.start(member);
    // Still leaving: it comes back when it is gone.
    else if (member.life.state === "stopping") world.after(50_000, () => this.#restart(member));
  }

  /** Clocks are set; what was timed by them must not notice. No disturbance. */
  #jump(member: Member): void {
    const { chance, world } = this.#parts;
    const process = member.life?.process;
    if (process === undefined) return;
    process.wallOffsetMs += chance.between(-7_200_000, 7_200_000);
    member.wallOffsetMs = process.wallOffsetMs;
    world.note("wall_jump", member.name, process.wallOffsetMs);
  }
}

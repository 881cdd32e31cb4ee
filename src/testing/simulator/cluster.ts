import type { Calm } from "./calm.js";
import type { SimulatedBounds, SimulatedEngine } from "./engine.js";
import type { Ledger } from "./ledger.js";
import { Life } from "./life.js";
import type { SimNetwork } from "./network.js";
import { ObservedAdapter } from "./observed-adapter.js";
import type { PresenceWorld } from "./presence/presence-world.js";
import { Process } from "./process.js";
import type { World } from "./world.js";

/** Every simulated node listens here, each on a host of its own. */
const port = 7_000;

/** How long a stopped process is watched for what it may have left behind. */
const aftermathUs = 5_000_000;

/** A place in the cluster: a name on a host, with one life after the other. */
export interface Member {
  readonly name: string;
  readonly host: string;
  /** Members that it is told to dial. */
  readonly dials: readonly Member[];
  life: Life | undefined;
  lives: number;
  /** Of its host's wall clock, in milliseconds: kept from one life to the next. */
  wallOffsetMs: number;
  /** By its host's wall clock, when its latest life began. */
  startedAtMs: number;
}

/** What a cluster is made of. */
export interface ClusterParts {
  readonly seed: number;
  readonly world: World;
  readonly network: SimNetwork;
  readonly calm: Calm;
  readonly engine: SimulatedEngine;
  readonly bounds: SimulatedBounds;
}

/** The nodes, and what becomes of them. */
export class Cluster {
  readonly members: readonly Member[];
  /** Set once: the ledger needs to know the lives, and the lives the ledger. */
  ledger: Ledger | undefined;
  /** Set where presence is simulated. */
  presence: PresenceWorld | undefined;
  readonly #parts: ClusterParts;

  constructor(parts: ClusterParts, members: readonly Member[]) {
    this.#parts = parts;
    this.members = members;
    parts.world.everyStep(() => {
      for (const life of this.lives()) life.checkNodes(parts.world);
    });
  }

  /** The lives that are not over. */
  *lives(): IterableIterator<Life> {
    for (const { life } of this.members) if (life !== undefined) yield life;
  }

  /** The lives that take part. */
  running(): Life[] {
    return [...this.lives()].filter((life) => life.running);
  }

  /** Whether every member runs and reaches every other. */
  whole(): boolean {
    const others = this.members.length - 1;
    return this.members.every(({ life }) => life?.running === true && life.up.size === others);
  }

  /** Disturbs everything between a member and the others; returns what ends it. */
  disturb(member: Member): () => void {
    const { calm } = this.#parts;
    const ends = this.members
      .filter((one) => one !== member)
      .map(({ name }) => calm.disturb(member.name, name));
    return () => {
      for (const end of ends) end();
    };
  }

  /** Starts the next life of a member. It must be running within the engine's bound. */
  start(member: Member): void {
    const { seed, world, network, engine, bounds } = this.#parts;
    const { ledger } = this;
    if (member.life !== undefined || ledger === undefined) return;
    member.lives += 1;
    network.lighten(member.host);
    const process = new Process(world, member.name, seed + member.lives * 2 ** 33);
    const inner = engine.createAdapter({
      nodeName: member.name,
      network: network.of(process, member.host),
      listen: { host: member.host, port },
      peers: member.dials.map(({ name, host }) => `${name}@${host}:${port}`),
      defer: (flush) => process.defer(flush),
    });
    const adapter = new ObservedAdapter(inner, engine.order ?? "topic", world, ledger);
    const life = new Life(world, process, member.lives, adapter);
    adapter.life = life;
    this.#populate(member, life);
    member.life = life;
    const over = this.disturb(member);
    world.note("start", life.label);
    life.pubsub.start().then(
      () => {
        over();
        world.note("started", life.label);
        if (!process.alive || life.state !== "starting") return;
        life.state = "running";
        this.#openPresence(life);
      },
      (error: unknown) => world.fail(`${life.label} did not start: ${String(error)}`),
    );
    this.#within(
      life,
      bounds.startWithinMs,
      () => life.state === "starting",
      "has not started in time",
      over,
    );
  }

  /** Gives a life its presence, on a host whose wall clock may have been set. */
  #populate(member: Member, life: Life): void {
    const { presence } = this;
    if (presence === undefined) return;
    const { process } = life;
    process.wallOffsetMs = member.wallOffsetMs;
    if (process.clock.now() <= member.startedAtMs) {
      life.excusedUntilUs = this.#parts.world.nowUs + presence.bounds.convergeWithinMs * 1_000;
    }
    member.startedAtMs = process.clock.now();
    presence.settle(life);
  }

  #openPresence(life: Life): void {
    const { world, bounds } = this.#parts;
    const { resident } = life;
    if (resident === undefined) return;
    const fail = (what: string) => world.fail(`${life.label}: presence ${what}`);
    resident.start().catch((error: unknown) => fail(`did not start: ${String(error)}`));
    const pending = () => life.running && resident.readyUs === undefined;
    // Like every subscription, it waits a while for a node that does not answer.
    this.#within(life, 2 * bounds.startWithinMs, pending, "has not begun with presence in time", () => {});
  }

  /** A member leaves in good order. */
  stop(member: Member): void {
    const { world, network, bounds } = this.#parts;
    const { life } = member;
    if (life === undefined || life.state === "stopping") return;
    const { process } = life;
    this.presence?.leaving(life);
    life.state = "stopping";
    for (const subscriber of life.subscribers) this.ledger?.unsubscribe(subscriber);
    const over = this.disturb(member);
    world.note("stop", life.label);
    life.resident?.stop();
    this.presence?.left(life);
    life.pubsub.stop().then(
      () => {
        if (!process.alive) return;
        world.note("stopped", life.label);
        life.state = "over";
        over();
        if (member.life === life) member.life = undefined;
        this.#checkFree(life);
        this.#checkNoticed(member, life);
        world.after(aftermathUs, () => {
          if (process.alive) this.#checkFree(life);
          network.release(process);
          process.die();
        });
      },
      (error: unknown) => world.fail(`${life.label} did not stop: ${String(error)}`),
    );
    this.#within(life, bounds.stopWithinMs, () => life.state === "stopping", "has not stopped in time", over);
  }

  /** The process of a member is killed. `dark`: its whole host goes, and nobody is told. */
  kill(member: Member, dark: boolean): void {
    const { world, network } = this.#parts;
    const { life } = member;
    if (life === undefined) return;
    world.note(dark ? "dark" : "kill", life.label);
    this.disturb(member)();
    life.process.die();
    life.state = "over";
    member.life = undefined;
    if (dark) network.darken(life.process, member.host);
    else network.release(life.process);
    this.#checkNoticed(member, life);
  }

  /** A stopped engine holds nothing. */
  #checkFree(life: Life): void {
    const { world, network } = this.#parts;
    const { process, label } = life;
    if (process.timers > 0) world.fail(`${label} is stopped and has ${process.timers} timers set`);
    const held = network.heldBy(process);
    if (held > 0) world.fail(`${label} is stopped and holds ${held} connections or listeners`);
  }

  /** Whoever lives on must notice the death in time, unless the next life began. */
  #checkNoticed(member: Member, dead: Life): void {
    const { world, bounds } = this.#parts;
    const diedAtUs = world.nowUs;
    world.after(bounds.noticeWithinMs * 1_000, () => {
      if (member.lives !== dead.number) return;
      for (const life of this.running()) {
        if (life.process.frozen || life.process.thawedAtUs > diedAtUs || !life.up.has(dead.name)) continue;
        world.fail(`${life.label} still lists ${dead.name}, which died ${bounds.noticeWithinMs} ms ago`);
      }
    });
  }

  #within(life: Life, ms: number, pending: () => boolean, what: string, otherwise: () => void): void {
    const { world } = this.#parts;
    const fromUs = world.nowUs;
    world.after(ms * 1_000, () => {
      const { process } = life;
      if (!process.alive) return otherwise();
      if (!pending()) return;
      // A process that stood still has missed the time.
      if (process.frozen || process.thawedAtUs > fromUs) {
        return this.#within(life, ms, pending, what, otherwise);
      }
      world.fail(`${life.label} ${what}`);
    });
  }
}

/** Members that dial all others, or only those before them. */
export function createMembers(count: number, dialAll: boolean): Member[] {
  const members: (Member & { readonly dials: Member[] })[] = [];
  for (let i = 1; i <= count; i++) {
    members.push({
      name: `n${i}@sim`,
      host: `10.0.0.${i}`,
      dials: [],
      life: undefined,
      lives: 0,
      wallOffsetMs: 0,
      startedAtMs: 0,
    });
  }
  members.forEach((member, index) => {
    member.dials.push(...(dialAll ? members : members.slice(0, index)));
  });
  return members;
}

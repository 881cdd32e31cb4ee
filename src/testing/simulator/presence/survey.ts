import type { Entry } from "../../../core/presence/entry.js";
import { nameOf } from "../../../core/presence/replica-id.js";
import type { Calm } from "../calm.js";
import type { World } from "../world.js";
import type { Heard } from "./hearing.js";
import { isLiving, type PresenceModel, type Tracked } from "./model.js";
import type { PresenceBounds, PresencePlan } from "./plan.js";
import type { PresenceResident } from "./resident.js";

/** What a survey goes by. */
export interface SurveyParts {
  readonly world: World;
  readonly calm: Calm;
  readonly calmAfterMs: number;
  readonly plan: PresencePlan;
  readonly bounds: PresenceBounds;
  readonly model: PresenceModel;
  readonly topics: readonly string[];
  /** Residents of the lives that are not over. */
  readonly residents: () => readonly PresenceResident[];
}

/** A listed entry, and what it stands for. */
interface Listed {
  readonly entry: Entry;
  readonly tracked: Tracked;
}

/** Looks at what every node lists, and holds it against the model and against what the node has heard. */
export class Survey {
  readonly #parts: SurveyParts;

  constructor(parts: SurveyParts) {
    this.#parts = parts;
  }

  /** Checks what must hold at any time. */
  check(): void {
    for (const resident of this.#parts.residents()) {
      if (!resident.open || resident.life.process.frozen) continue;
      const listed = this.#listed(resident);
      this.#checkOwn(resident, listed);
      this.#checkSilent(resident, listed);
      this.#checkClients(resident);
      for (const other of this.#parts.residents()) {
        if (other !== resident) this.#checkAgreed(resident, other, listed);
      }
    }
  }

  /** What keeps the views of all nodes from being the model's; undefined when they are. */
  disagreement(): string | undefined {
    const residents = this.#parts.residents();
    const expected = new Map<string, Tracked>();
    for (const tracked of this.#parts.model.present()) {
      if (tracked.ref !== undefined) expected.set(tracked.ref, tracked);
    }
    for (const resident of residents) {
      const { label } = resident.life;
      const refs = new Set(this.#listed(resident).map(({ entry }) => entry.ref));
      const ghost = [...refs].find((ref) => !expected.has(ref));
      if (ghost !== undefined) return `${label} lists ${ghost}, which is not there`;
      const missing = [...expected.keys()].find((ref) => !refs.has(ref));
      if (missing !== undefined) return `${label} does not list ${missing}`;
      const { replicas, waiting } = resident.node.stats();
      if (replicas !== residents.length - 1) return `${label} knows ${replicas} other trackers`;
      if (waiting > 0) return `${label} has ${waiting} changes to tell`;
      const blind = this.#blindClient(resident);
      if (blind !== undefined) return `${label}: ${blind}`;
    }
    return undefined;
  }

  /** Everything that a node lists; each of it must have been tracked, and be there once. */
  #listed(resident: PresenceResident): Listed[] {
    const listed: Listed[] = [];
    const seen = new Set<string>();
    for (const topic of this.#parts.topics) {
      const list = resident.node.list(topic);
      let metas = 0;
      for (const [key, entries] of list) {
        metas += entries.length;
        for (const entry of entries) {
          const tracked = this.#parts.model.find(entry.meta);
          const wrong = tracked?.key !== key || tracked.topic !== topic || tracked.ref !== entry.ref;
          if (wrong) resident.fail(`lists ${key} in ${topic} as ${entry.ref}, which was never tracked`);
          else if (seen.has(entry.ref)) resident.fail(`lists ${entry.ref} twice`);
          else listed.push({ entry, tracked });
          seen.add(entry.ref);
        }
      }
      const count = resident.node.count(topic);
      if (count.keys !== list.size || count.metas !== metas) {
        resident.fail(`counts ${count.keys} keys and ${count.metas} metas in ${topic}, and lists others`);
      }
    }
    return listed;
  }

  /** A node always knows its own presences. */
  #checkOwn(resident: PresenceResident, listed: readonly Listed[]): void {
    const own = new Set(
      listed.filter(({ tracked }) => tracked.life === resident.life).map((one) => one.tracked),
    );
    let present = 0;
    for (const tracked of this.#parts.model.present()) {
      if (tracked.life !== resident.life) continue;
      present += 1;
      if (!own.has(tracked)) resident.fail(`does not list its own ${tracked.ref}`);
    }
    if (own.size > present) resident.fail(`lists ${own.size} of its own, and has ${present}`);
  }

  /** Silence has its consequences: hidden first, forgotten later; and a goodbye at once. */
  #checkSilent(resident: PresenceResident, listed: readonly Listed[]): void {
    const { model, bounds } = this.#parts;
    const replicas = new Set(listed.map(({ entry }) => entry.replica));
    const known = new Set<string>();
    for (const heard of resident.hearing.all()) {
      const verdict = this.#verdictOn(resident, heard);
      if (verdict !== "forgotten") known.add(heard.name);
      if (verdict === undefined) continue;
      if (verdict === "forgotten") model.counts.forgotten += 1;
      else model.counts.hidden += 1;
      if (replicas.has(heard.id)) resident.fail(`lists presences of ${heard.id}, which must be ${verdict}`);
    }
    const count = resident.node.stats().replicas;
    if (count > known.size) {
      resident.fail(
        `knows ${count} other trackers, and heard ${known.size} in ${bounds.permdownWithinMs} ms`,
      );
    }
  }

  #verdictOn(resident: PresenceResident, heard: Heard): "hidden" | "forgotten" | undefined {
    const { world, bounds } = this.#parts;
    if (heard.goodbyeUs !== undefined) return "forgotten";
    // In its own standstill a node hears nobody, and blames nobody.
    const { thawedAtUs } = resident.life.process;
    const silentMs = (sinceUs: number) => (world.nowUs - Math.max(sinceUs, thawedAtUs)) / 1_000;
    const silence = silentMs(heard.lastUs);
    if (silence > bounds.permdownWithinMs) return "forgotten";
    const lostUs = resident.hearing.lostSinceUs(heard);
    const lost = lostUs !== undefined && silentMs(lostUs) > bounds.lostWithinMs;
    return lost || silence > bounds.downWithinMs ? "hidden" : undefined;
  }

  /** With nothing the matter between two nodes, each knows in time what becomes of the other's presences. */
  #checkAgreed(resident: PresenceResident, other: PresenceResident, listed: readonly Listed[]): void {
    const { model, world, bounds } = this.#parts;
    const agreeUs = bounds.agreeWithinMs * 1_000;
    if (!this.#isCalm(resident, other, world.nowUs - agreeUs)) return;
    const theirs = new Set<Tracked>();
    for (const { entry, tracked } of listed) {
      if (nameOf(entry.replica) !== other.life.name) continue;
      theirs.add(tracked);
      const stale = tracked.endedUs !== undefined && tracked.endedUs < world.nowUs - agreeUs;
      if (stale) resident.fail(`still lists ${entry.ref}, which ended ${bounds.agreeWithinMs} ms ago`);
      if (!isLiving(tracked.life)) resident.fail(`still lists ${entry.ref} of ${tracked.life.label}`);
    }
    for (const tracked of model.present()) {
      if (tracked.life !== other.life || tracked.bornUs > world.nowUs - agreeUs) continue;
      model.counts.agreed += 1;
      if (theirs.has(tracked)) continue;
      resident.fail(`does not list ${tracked.ref}, tracked on ${other.life.label} in time`);
    }
  }

  #isCalm(a: PresenceResident, b: PresenceResident, sinceUs: number): boolean {
    const { calm, calmAfterMs } = this.#parts;
    const calmUs = sinceUs - calmAfterMs * 1_000;
    const began = (one: PresenceResident) => Math.max(one.readyUs ?? sinceUs, one.life.excusedUntilUs);
    if (!a.open || !b.open || began(a) > calmUs || began(b) > calmUs) return false;
    if (!a.life.up.has(b.life.name) || !b.life.up.has(a.life.name)) return false;
    return calm.since(a.life.name, b.life.name, calmUs);
  }

  /** What a node's clients were told is what it lists, as soon as nothing waits to be told. */
  #checkClients(resident: PresenceResident): void {
    const { mode } = this.#parts.plan.mode;
    // Counts wait for the end of their windows, and that is no part of the figure.
    if (mode === "counts" || mode === "first" || resident.node.stats().waiting > 0) return;
    const blind = this.#blindClient(resident);
    if (blind !== undefined) resident.fail(blind);
  }

  /** A client that knows something else than its node lists. */
  #blindClient(resident: PresenceResident): string | undefined {
    const { mode } = this.#parts.plan;
    for (const { view, topic, number } of resident.channels) {
      if (view === undefined) continue;
      const list = resident.node.list(topic);
      const count = resident.node.count(topic);
      const shown = mode.mode === "first" ? [...list].slice(0, mode.first) : [...list];
      const what = `the client of channel ${number}`;
      if (!view.ready) return `${what} was not told where to begin`;
      if (mode.mode === "counts" || mode.mode === "first") {
        if (view.count?.keys !== count.keys || view.count.metas !== count.metas)
          return `${what} counts otherwise`;
      }
      if (mode.mode === "counts") continue;
      if (
        mode.mode === "first" &&
        new Set([...view.refs.values()].map(({ key }) => key)).size !== shown.length
      ) {
        return `${what} is shown another number of keys`;
      }
      const keys = mode.mode === "first" ? new Set([...view.refs.values()].map(({ key }) => key)) : undefined;
      const refs = [...list].flatMap(([key, entries]) =>
        keys === undefined || keys.has(key) ? entries.map(({ ref }) => ref) : [],
      );
      const same = refs.length === view.refs.size && refs.every((ref) => view.refs.has(ref));
      if (!same)
        return `${what} knows ${view.refs.size} presences in ${topic}, and ${refs.length} are listed`;
    }
    return undefined;
  }
}

import type { BalancerServer, ServerState, ServerStatus } from "../../../contracts/balancer.js";
import { rampedWeight } from "../ramp.js";

/** One question to a server, answered: its status was 200; another; none came; nobody listens. */
export type CheckResult = "ready" | "not_ready" | "failed" | "refused";

/** When a server's state changes. */
export interface PoolLimits {
  /** Good checks in a row that bring a server up. */
  readonly rise: number;
  /** Failed checks in a row that take a server down. A refused connection does it at once. */
  readonly fall: number;
  /** Connections that one server may hold. */
  readonly serverConnectionsMax: number;
  /** How long a server that is added, or that was lost, needs to come to its weight. */
  readonly rampMs: number;
}

/** One connection that a server holds. */
export interface Held {
  /** Ends it because its server is lost. */
  cut(): void;
}

/** One server of the pool. */
export interface Member {
  server: BalancerServer;
  health: ServerState;
  /** Connections that it holds, those being opened included. */
  readonly held: Set<Held>;
  /** When it began to take connections, by `performance.now()`; undefined: it was lost, and has not yet again. */
  sinceMs: number | undefined;
  /** Checks in a row that speak against its health. */
  streak: number;
}

/** The servers, their health and their load. */
export interface Pool {
  readonly members: readonly Member[];
  /** The least loaded member that may be given a connection; undefined when there is none. */
  pick(tried: ReadonlySet<Member>): Member | undefined;
  find(name: string): Member | undefined;
  add(server: BalancerServer): Member;
  /** Takes a member out, and cuts what it holds. */
  remove(member: Member): void;
  /** Takes note of a check, or of a connection that was refused. */
  note(member: Member, result: CheckResult): void;
  status(): ServerStatus[];
}

/** Makes a pool. Its servers count as up until a check says otherwise. `onState` hears of every change. */
export function createPool(
  servers: readonly BalancerServer[],
  limits: PoolLimits,
  onState: (member: Member, state: ServerState) => void,
): Pool {
  const members = servers.map((server) => memberOf(server, Number.NEGATIVE_INFINITY));
  let turn = 0;

  const setHealth = (member: Member, health: ServerState) => {
    member.streak = 0;
    if (member.health === health) return;
    member.health = health;
    if (health === "down") member.sinceMs = undefined;
    if (health === "up") member.sinceMs ??= performance.now();
    onState(member, health);
    if (health === "down") cutAll(member);
  };

  const countTo = (member: Member, limit: number, health: ServerState) => {
    member.streak += 1;
    if (member.streak >= limit) setHealth(member, health);
  };

  const note = (member: Member, result: CheckResult) => {
    // A connection that was being opened ends after its server was taken out.
    if (!members.includes(member)) return;
    if (result === "refused") setHealth(member, "down");
    else if (result === "failed") {
      if (member.health === "down") member.streak = 0;
      else countTo(member, limits.fall, "down");
    } else if (result === "not_ready") setHealth(member, "draining");
    else if (member.health === "down") countTo(member, limits.rise, "up");
    else setHealth(member, "up");
  };

  const pick = (tried: ReadonlySet<Member>): Member | undefined => {
    let best: Member | undefined;
    let bestLoad = Number.POSITIVE_INFINITY;
    // Equally loaded members take turns: without that the first would take every lone connection.
    turn += 1;
    for (let offset = 0; offset < members.length; offset++) {
      const member = members[(turn + offset) % members.length];
      if (member === undefined || !isOpen(member, limits) || tried.has(member)) continue;
      const load = loadOf(member, limits.rampMs);
      if (load >= bestLoad) continue;
      best = member;
      bestLoad = load;
    }
    return best;
  };

  return {
    members,
    pick,
    note,
    add: (server) => {
      const member = memberOf(server, performance.now());
      members.push(member);
      return member;
    },
    remove: (member) => {
      members.splice(members.indexOf(member), 1);
      cutAll(member);
    },
    find: (name) => members.find(({ server }) => server.name === name),
    status: () => members.map(statusOf),
  };
}

function cutAll(member: Member): void {
  for (const held of [...member.held]) held.cut();
}

function memberOf(server: BalancerServer, sinceMs: number): Member {
  return { server, health: "up", held: new Set(), sinceMs, streak: 0 };
}

/** What it would hold with one more, in proportion to the weight that it has come to. */
function loadOf({ held, server, sinceMs }: Member, rampMs: number): number {
  const nowMs = performance.now();
  return (held.size + 1) / rampedWeight(server.weight, nowMs - (sinceMs ?? nowMs), rampMs);
}

function statusOf({ server, health, held }: Member): ServerStatus {
  const state = health === "up" && server.weight === 0 ? "draining" : health;
  return { name: server.name, state, connections: held.size };
}

function isOpen(member: Member, limits: PoolLimits): boolean {
  return member.health === "up" && member.server.weight > 0 && member.held.size < limits.serverConnectionsMax;
}

import type { BalancerServer, ServerState, ServerStatus } from "../../../contracts/balancer.js";

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
  const members = servers.map(memberOf);
  let turn = 0;

  const cutAll = (member: Member) => {
    for (const held of [...member.held]) held.cut();
  };

  const setHealth = (member: Member, health: ServerState) => {
    member.streak = 0;
    if (member.health === health) return;
    member.health = health;
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
      const load = (member.held.size + 1) / member.server.weight;
      if (load >= bestLoad) continue;
      best = member;
      bestLoad = load;
    }
    return best;
  };

  const status = () => members.map(statusOf);

  const add = (server: BalancerServer) => {
    const member = memberOf(server);
    members.push(member);
    return member;
  };

  const remove = (member: Member) => {
    members.splice(members.indexOf(member), 1);
    cutAll(member);
  };

  const find = (name: string) => members.find((member) => member.server.name === name);

  return { members, pick, find, add, remove, note, status };
}

function memberOf(server: BalancerServer): Member {
  return { server, health: "up", held: new Set(), streak: 0 };
}

function statusOf({ server, health, held }: Member): ServerStatus {
  const state = health === "up" && server.weight === 0 ? "draining" : health;
  return { name: server.name, state, connections: held.size };
}

function isOpen(member: Member, limits: PoolLimits): boolean {
  return member.health === "up" && member.server.weight > 0 && member.held.size < limits.serverConnectionsMax;
}

import type { CheckResult, Member, Pool } from "./pool.js";
import { probe } from "./probe.js";

/** How often and how patiently servers are asked. */
export interface CheckLimits {
  readonly checkIntervalMs: number;
  readonly checkTimeoutMs: number;
}

/** The checks of a pool. */
export interface Checks {
  /** Begins to ask a member `GET /ready`, again and again. */
  begin(member: Member): void;
  end(member: Member): void;
  endAll(): void;
}

/** Makes the checks of a pool; none is under way yet. */
export function createChecks(pool: Pool, limits: CheckLimits): Checks {
  const stops = new Map<Member, () => void>();
  const end = (member: Member) => {
    stops.get(member)?.();
    stops.delete(member);
  };
  return {
    begin: (member) => {
      stops.set(member, checkMember(pool, member, limits));
    },
    end,
    endAll: () => {
      for (const member of [...stops.keys()]) end(member);
    },
  };
}

function checkMember(pool: Pool, member: Member, limits: CheckLimits): () => void {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  const check = async () => {
    const dueMs = performance.now() + limits.checkIntervalMs;
    const { address } = member.server;
    const answer = await probe(address, "/ready", limits.checkTimeoutMs);
    if (stopped) return;
    // A server that has moved meanwhile is not judged by its old place.
    if (address === member.server.address) pool.note(member, judge(answer));
    timer = setTimeout(check, Math.max(0, dueMs - performance.now()));
  };
  void check();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

function judge(answer: Awaited<ReturnType<typeof probe>>): CheckResult {
  if (typeof answer === "string") return answer;
  return answer.status === 200 ? "ready" : "not_ready";
}

import type { CheckResult, Member, Pool } from "./pool.js";
import { probe } from "./probe.js";

/** How often and how patiently servers are asked. */
export interface CheckLimits {
  readonly checkIntervalMs: number;
  readonly checkTimeoutMs: number;
}

/** Asks every member `GET /ready` again and again. Returns what ends it. */
export function startChecks(pool: Pool, limits: CheckLimits): () => void {
  const stops = pool.members.map((member) => checkMember(pool, member, limits));
  return () => {
    for (const stop of stops) stop();
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

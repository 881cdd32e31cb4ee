/** What a node is asked by HAProxy's agent check. */
export interface AgentView {
  /** It takes new connections. */
  readonly isReady: boolean;
  /** Share of time that its event loop was busy, 0 to 1. */
  readonly busy: number;
  /** Connections that it wants at most; undefined: it does not say. */
  readonly connectionsMax: number | undefined;
}

/** Below this a node wants its whole share of new connections, above that next to nothing. */
const calm = 0.65;
const full = 0.95;
const leastPercent = 5;

/** The line that HAProxy reads: `ready up 80% maxconn:5000`, or `drain`. */
export function agentAnswer({ isReady, busy, connectionsMax }: AgentView): string {
  if (!isReady) return "drain\n";
  const room = Math.min(1, Math.max(0, (full - busy) / (full - calm)));
  const percent = Math.round(leastPercent + room * (100 - leastPercent));
  const words = connectionsMax === undefined ? "" : ` maxconn:${connectionsMax}`;
  return `ready up ${percent}%${words}\n`;
}

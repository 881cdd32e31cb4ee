/** One irrational number for each purpose: its multiples fall evenly, whatever workers the clients are dealt out to. */
const turns = { poll: (Math.sqrt(5) - 1) / 2, slow: Math.SQRT2 - 1, storm: Math.sqrt(3) - 1 } as const;

/** What clients are chosen for. */
export type Role = keyof typeof turns;

/** Whether a client belongs to a share of all: the same on each machine, and of the right size within a few. */
export function hasRole(client: number, share: number, role: Role): boolean {
  return share >= 1 || ((client + 1) * turns[role]) % 1 < share;
}

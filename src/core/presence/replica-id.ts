/** One start of one node's tracker. A node that restarts is another replica: same name, later version. */
export type ReplicaId = string & { readonly __replica: never };

/** Longest replica id taken from a peer. */
export const replicaIdCharsMax = 512;

/**
 * Makes the id for a start of a node: `startedAtMs` in wall clock time, a salt of letters and digits against two
 * starts in the same millisecond, and the node's name. Undefined when they make no valid id.
 */
export function replicaId(name: string, startedAtMs: number, salt: string): ReplicaId | undefined {
  if (!/^[0-9A-Za-z]+$/.test(salt)) return undefined;
  return parseReplicaId(`${Math.floor(startedAtMs).toString(36)}-${salt}@${name}`);
}

/** Accepts what `replicaId` made, undefined for anything else. */
export function parseReplicaId(value: unknown): ReplicaId | undefined {
  if (typeof value !== "string" || value.length > replicaIdCharsMax) return undefined;
  // The brand is given here and nowhere else.
  return /^[0-9a-z]{1,10}-[0-9A-Za-z]+@./.test(value) ? (value as ReplicaId) : undefined;
}

/** The node that the replica lives on. */
export function nameOf(id: ReplicaId): string {
  return id.slice(id.indexOf("@") + 1);
}

/** Whether `id` started after `other`, as far as their wall clocks can tell; the salt breaks a tie. */
export function isLater(id: ReplicaId, other: ReplicaId): boolean {
  const difference = startedAt(id) - startedAt(other);
  return difference !== 0 ? difference > 0 : id > other;
}

function startedAt(id: ReplicaId): number {
  return Number.parseInt(id.slice(0, id.indexOf("-")), 36);
}

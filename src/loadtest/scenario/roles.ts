/** Salts that keep the choice of clients for one purpose independent of that for another. */
export type RoleSalt = "poll" | "slow" | `storm ${number}`;

/**
 * Whether a client belongs to a share of all: the same on each machine, spread evenly, and of the right size also when
 * there are few clients.
 */
export function hasRole(client: number, share: number, salt: RoleSalt): boolean {
  if (share <= 0) return false;
  if (share >= 1) return true;
  const offset = [...salt].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) % 997, 7) / 997;
  return Math.floor((client + 1) * share + offset) > Math.floor(client * share + offset);
}

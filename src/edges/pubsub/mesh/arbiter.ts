/**
 * One link per pair. Of two nodes the one with the smaller name leads: it alone decides which connection becomes
 * the link, so two simultaneous dials can never be judged differently at the two ends, and nothing but the
 * handshake has flowed on the loser. The other consents first, because only it can know that the leader's name is
 * already taken by another living node.
 */

/** Whether `self` decides for the pair. */
export function leads(self: string, peer: string): boolean {
  return self < peer;
}

/** A link that is open already to the node of the same name. */
export interface Incumbent {
  readonly incarnation: Buffer;
}

/** What to do with a proven connection. `probe`: ask the incumbent for a sign of life, then judge again. */
export type Judgement = "accept" | "probe" | "already_linked" | "duplicate_name" | "replace";

/** The follower's first question: may this connection be offered to the leader? */
export function judgeConsent(incumbent: Incumbent | undefined, candidate: Buffer): "accept" | "probe" {
  return incumbent === undefined || incumbent.incarnation.equals(candidate) ? "accept" : "probe";
}

/**
 * The leader's verdict. `peerLinked`: the follower says that it, too, holds an open link; if both ends hold it, it
 * lives. If only the leader holds one, either its admission is still under way or the link died at the other end.
 */
export function judgeCandidate(
  incumbent: Incumbent | undefined,
  candidate: Buffer,
  peerLinked: boolean,
): "accept" | "probe" | "already_linked" {
  if (incumbent === undefined) return "accept";
  return incumbent.incarnation.equals(candidate) && peerLinked ? "already_linked" : "probe";
}

/** What the follower makes of the leader's admission. The leader's word on its own links is the law. */
export function judgeAdmission(
  incumbent: Incumbent | undefined,
  candidate: Buffer,
): "accept" | "replace" | "duplicate_name" {
  if (incumbent === undefined) return "accept";
  return incumbent.incarnation.equals(candidate) ? "replace" : "duplicate_name";
}

/** The refusal that a candidate gets when the probed incumbent is alive. */
export function refusalForLiving(
  incumbent: Incumbent,
  candidate: Buffer,
): "already_linked" | "duplicate_name" {
  return incumbent.incarnation.equals(candidate) ? "already_linked" : "duplicate_name";
}

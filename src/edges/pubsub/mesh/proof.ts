import { createHmac, timingSafeEqual } from "node:crypto";

/** Which side of a connection a node is. */
export type Role = "dialer" | "acceptor";

/** Length of a proof: HMAC-SHA256. */
export const proofBytes = 32;

/** The hello bodies of both sides and the version that follows from them: all that a proof vouches for. */
export interface Transcript {
  readonly version: number;
  readonly dialer: Buffer;
  readonly acceptor: Buffer;
}

/**
 * Proves the knowledge of the secret on this connection and no other: both fresh nonces, names, incarnations and
 * version ranges are in the transcript, and the label holds the role, so a proof cannot be sent back to its maker.
 */
export function prove(secret: string, role: Role, transcript: Transcript): Buffer {
  const lengths = Buffer.allocUnsafe(9);
  lengths[0] = transcript.version;
  lengths.writeUInt32BE(transcript.dialer.length, 1);
  lengths.writeUInt32BE(transcript.acceptor.length, 5);
  return createHmac("sha256", secret)
    .update(`simurgh mesh proof by ${role}\0`)
    .update(lengths)
    .update(transcript.dialer)
    .update(transcript.acceptor)
    .digest();
}

/** Whether any of the secrets made this proof. Takes the same time for every wrong proof. */
export function verify(
  secrets: readonly string[],
  role: Role,
  transcript: Transcript,
  proof: Uint8Array,
): boolean {
  if (proof.length !== proofBytes) return false;
  let right = false;
  for (const secret of secrets) {
    if (timingSafeEqual(prove(secret, role, transcript), proof)) right = true;
  }
  return right;
}

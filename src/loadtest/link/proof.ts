import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { LineLink } from "./line-link.js";
import { linkVersion } from "./messages.js";

/** Time in which the other side must have proved that it knows the secret. */
const proofMsMax = 10_000;

interface Proof {
  readonly version?: unknown;
  readonly nonce?: unknown;
  readonly proof?: unknown;
}

function prove(secret: string, side: string, nonce: string): string {
  return createHmac("sha256", secret).update(`simurgh load ${side} ${nonce}`).digest("hex");
}

function isProof(given: unknown, wanted: string): boolean {
  const [a, b] = [Buffer.from(String(given)), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/**
 * Both sides prove that they know the secret, without telling it: each answers the other's random text. A text says
 * why the other side is not to be trusted.
 */
export function proveEachOther(
  link: LineLink,
  secret: string,
  side: "coordinator" | "worker",
): Promise<string | undefined> {
  const other = side === "worker" ? "coordinator" : "worker";
  const nonce = randomBytes(16).toString("hex");
  return new Promise((resolve) => {
    let answered = false;
    const end = (fault?: string) => {
      clearTimeout(timer);
      if (fault !== undefined) link.end(fault);
      else link.trust();
      resolve(fault);
    };
    const timer = setTimeout(() => end("the other side did not prove itself in time"), proofMsMax);
    link.listen((message) => {
      // Only looked at field by field, each of which may be anything.
      const { version, nonce: theirs, proof } = (message ?? {}) as Proof;
      if (!answered) {
        if (version !== linkVersion)
          return end(`the other side speaks version ${String(version)}, not ${linkVersion}`);
        answered = true;
        link.send({ proof: prove(secret, side, String(theirs)) });
        return;
      }
      end(
        isProof(proof, prove(secret, other, nonce)) ? undefined : "the other side does not know the secret",
      );
    }, end);
    link.send({ version: linkVersion, nonce });
  });
}

import {
  DIGEST_PARTS,
  parseRevocationKey,
  type RevocationDigest,
  type RevocationEntry,
} from "../../core/auth/revocation-table.js";
import type { Broadcast } from "../broadcast.js";

/** Nodes tell each other by this topic who is not to be let in any more. */
export const REVOCATION_TOPIC = "phx:auth:revocations";

/** UTF-16 code units of a name that can be revoked: subjects, ids of sockets and of tokens. */
export const REVOKED_NAME_LENGTH_MAX = 512;

/** Entries that go in one message: engines bound what they carry. */
export const ENTRIES_PER_MESSAGE = 200;

/** What nodes tell each other. */
export type RevocationMessage =
  | {
      readonly kind: "entries";
      readonly everyoneBeforeS: number;
      readonly entries: readonly RevocationEntry[];
    }
  /** What `from` has, in short. */
  | { readonly kind: "digest"; readonly from: string; readonly digest: RevocationDigest }
  /** `to` is asked for what it has in these parts. */
  | { readonly kind: "pull"; readonly to: string; readonly parts: readonly number[] };

/** A message's payload between nodes. */
export function encodeRevocations(message: RevocationMessage): object {
  switch (message.kind) {
    case "entries": {
      const entries = message.entries.map(({ key, issuedBeforeS }) => [key, issuedBeforeS]);
      return { everyoneBeforeS: message.everyoneBeforeS, entries };
    }
    case "digest":
      return { from: message.from, ...message.digest };
    case "pull":
      return { to: message.to, parts: message.parts };
    default:
      return message satisfies never;
  }
}

/** Reads a message; undefined when it is something else. */
export function decodeRevocations({ event, payload }: Broadcast): RevocationMessage | undefined {
  if (typeof payload !== "object" || payload === null || payload instanceof Uint8Array) return undefined;
  // Whatever it is, it came as JSON and has these members or not.
  const { everyoneBeforeS, entries, from, to, parts } = payload as Readonly<Record<string, unknown>>;
  if (event === "entries" && isTime(everyoneBeforeS) && Array.isArray(entries)) {
    const read = entries.map(decodeEntry);
    return read.includes(undefined)
      ? undefined
      : { kind: event, everyoneBeforeS, entries: read.filter((entry) => entry !== undefined) };
  }
  if (event === "digest" && typeof from === "string" && isTime(everyoneBeforeS) && isNumbers(parts)) {
    return parts.length === DIGEST_PARTS
      ? { kind: event, from, digest: { everyoneBeforeS, parts } }
      : undefined;
  }
  if (event === "pull" && typeof to === "string" && isNumbers(parts)) return { kind: event, to, parts };
  return undefined;
}

function decodeEntry(entry: unknown): RevocationEntry | undefined {
  if (!Array.isArray(entry)) return undefined;
  const [key, issuedBeforeS]: unknown[] = entry;
  if (typeof key !== "string" || !isTime(issuedBeforeS) || parseRevocationKey(key) === undefined)
    return undefined;
  return { key, issuedBeforeS };
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((one) => typeof one === "number");
}

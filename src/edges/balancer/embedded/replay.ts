/** What a client sent to a server that has not answered yet, kept as long as it may be sent to another one. */
export interface Replay {
  add(chunk: Buffer): void;
  /** Whether any server was given the bytes. */
  begun(): boolean;
  /** Whether another server may be given the same bytes. */
  possible(): boolean;
  /** The bytes kept, for the server just connected. */
  begin(): readonly Buffer[];
  /** A server has answered: nothing need be kept any more. */
  forget(): void;
}

/** Servers that may get the same request; a request that kills its server must not go round and kill them all. */
const turnsMax = 2;

const headEnd = "\r\n\r\n";

/** Makes an empty one that keeps up to `bytesMax`. */
export function createReplay(bytesMax: number): Replay {
  let kept: Buffer[] | undefined = [];
  let size = 0;
  let turns = 0;

  const possible = () => {
    if (turns === 0) return true;
    if (kept === undefined || turns >= turnsMax) return false;
    return isOneSafeRequest(Buffer.concat(kept));
  };

  return {
    add: (chunk) => {
      size += chunk.length;
      kept?.push(chunk);
      // What no server has seen yet is kept whatever its size; the client is not read meanwhile.
      if (turns > 0 && size > bytesMax) kept = undefined;
    },
    begun: () => turns > 0,
    possible,
    begin: () => {
      turns += 1;
      const bytes = kept ?? [];
      if (size > bytesMax) kept = undefined;
      return bytes;
    },
    forget: () => {
      kept = undefined;
    },
  };
}

/** Whether the bytes are the head of one GET or HEAD request and nothing after it: HTTP allows to repeat that. */
function isOneSafeRequest(bytes: Buffer): boolean {
  const text = bytes.toString("latin1");
  if (!text.startsWith("GET ") && !text.startsWith("HEAD ")) return false;
  return text.indexOf(headEnd) === text.length - headEnd.length;
}

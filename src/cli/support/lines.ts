import type { Readable, Writable } from "node:stream";

/** Characters of one line; a longer one is broken. */
const lineCharsMax = 16_384;

/** Calls `onLine` for each line of a stream, and for what is left at its end. */
export function eachLine(stream: Readable, onLine: (line: string) => void): void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
    while (rest.length > lineCharsMax) {
      onLine(rest.slice(0, lineCharsMax));
      rest = rest.slice(lineCharsMax);
    }
  });
  stream.on("end", () => {
    if (rest !== "") onLine(rest);
  });
}

/** Characters that may wait for a slow reader of our output. */
const waitingCharsMax = 1_048_576;

/**
 * Writes lines to a stream. While its reader is too slow, lines are dropped and counted: a terminal that stands still
 * must not stop the nodes. A reader that is gone is no fault.
 */
export function lineWriter(stream: Writable): (line: string) => void {
  let dropped = 0;
  stream.on("error", () => {
    // Nobody reads any more, and nobody is left to be told.
  });
  return (line) => {
    if (stream.writableLength > waitingCharsMax) {
      dropped += 1;
      return;
    }
    if (dropped > 0) stream.write(`(${dropped} lines dropped: the output is not read fast enough)\n`);
    dropped = 0;
    stream.write(`${line}\n`);
  };
}

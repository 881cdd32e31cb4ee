import { connect } from "node:net";

/** Bytes of an answer that are read; HAProxy tells some hundred bytes a server. */
const answerBytesMax = 4 * 1024 * 1024;

/**
 * Sends one command to HAProxy's runtime socket and gives back the whole answer. Rejects when there is no socket,
 * when it breaks off, and when the answer takes longer than `timeoutMs`.
 */
export function runtimeCommand(socketPath: string, command: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path: socketPath });
    const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    let answer = "";
    socket.setEncoding("utf8");
    socket.on("connect", () => socket.write(`${command}\n`));
    socket.on("data", (text: string) => {
      answer += text;
      if (answer.length > answerBytesMax) socket.destroy(new Error("the answer is too long"));
    });
    socket.on("end", () => resolve(answer));
    socket.on("error", reject);
    socket.on("close", () => {
      clearTimeout(timer);
      // After "end" or "error" this is without effect.
      reject(new Error("the connection broke off"));
    });
  });
}

/** One line of `show stat`, as far as it is used. */
export interface ServerRow {
  readonly pool: string;
  readonly name: string;
  /** Such as "UP", "DOWN 1/3", "NOLB", "MAINT". */
  readonly status: string;
  readonly sessions: number;
}

/** The command whose answer {@link parseServerRows} reads: servers only. */
export const showServers = "show stat -1 4 -1";

/** Reads the CSV of `show stat`. Columns go by their names: their places differ between versions. */
export function parseServerRows(csv: string): ServerRow[] {
  const [head, ...lines] = csv.split("\n").filter((line) => line !== "");
  const columns = head?.replace(/^# /, "").split(",") ?? [];
  const at = (name: string) => columns.indexOf(name);
  const [pool, name, status, sessions] = [at("pxname"), at("svname"), at("status"), at("scur")];
  return lines.map((line) => {
    const cells = line.split(",");
    return {
      pool: cells[pool] ?? "",
      name: cells[name] ?? "",
      status: cells[status] ?? "",
      sessions: Number(cells[sessions] ?? 0),
    };
  });
}

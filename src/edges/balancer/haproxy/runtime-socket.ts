import { connect } from "node:net";
import { SimurghError } from "../../../runtime/errors.js";
import { garbage } from "./state.js";

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
    // HAProxy ends even an empty answer with a line's end; without it the command may not have been read.
    socket.on("end", () => answer === "" || resolve(answer));
    socket.on("error", reject);
    socket.on("close", () => {
      clearTimeout(timer);
      // After an answer or "error" this is without effect.
      reject(new Error("the connection broke off"));
    });
  });
}

/** Where HAProxy takes commands, and how long it may take to answer one. */
export interface RuntimeSocket {
  readonly path: string;
  readonly answerMsMax: number;
}

/** {@link runtimeCommand}, rejecting with `balancer_unreachable` when no answer comes. */
export function ask({ path, answerMsMax }: RuntimeSocket, command: string): Promise<string> {
  return runtimeCommand(path, command, answerMsMax).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SimurghError("balancer_unreachable", `HAProxy did not answer "${command}": ${reason}`, {
      cause,
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

/**
 * Reads the CSV of `show stat`. Columns go by their names: their places differ between versions. Throws
 * `balancer_unreachable` when it is something else.
 */
export function parseServerRows(csv: string): ServerRow[] {
  const [head, ...lines] = csv.split("\n").filter((line) => line !== "");
  const columns = head?.replace(/^# /, "").split(",") ?? [];
  const at = (name: string) => {
    const place = columns.indexOf(name);
    if (place >= 0) return place;
    throw garbage(showServers, csv);
  };
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

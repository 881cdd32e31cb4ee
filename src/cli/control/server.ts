import { chmod, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { SimurghError } from "../../runtime/errors.js";
import { type ControlReply, type ControlRequest, controlLineCharsMax, parseRequest } from "./messages.js";

/** Connections at a time; further ones are cut. */
const connectionsMax = 32;
/** A connection that asks nothing for this long is closed. */
const idleMsMax = 60_000;
const probeMsMax = 1_000;

/** A listening control socket. */
export interface ControlServer {
  close(): Promise<void>;
}

/**
 * Answers one request; what it rejects with is told to whoever asked. What takes long calls `progress` with lines for
 * people, oftener than {@link silenceMsMax}. It is not told when nobody listens any more: what was begun goes on.
 */
export type ControlHandler = (request: ControlRequest, progress: (line: string) => void) => Promise<unknown>;

/** One who asked takes a fleet that says nothing for longer than this for dead. */
export const silenceMsMax = 15_000;

/**
 * Listens at `path`. A socket that a dead fleet has left there is replaced; a living fleet is not touched, and the
 * promise rejects with `fleet_door_taken`.
 */
export async function startControl(path: string, handler: ControlHandler): Promise<ControlServer> {
  if (await isAnswered(path)) {
    throw new SimurghError("fleet_door_taken", "another fleet of this user has the same door");
  }
  await rm(path, { force: true });
  const open = new Set<Socket>();
  const server = await listen(path, (socket) => {
    if (open.size >= connectionsMax) return void socket.destroy();
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    serve(socket, handler);
  });
  await chmod(path, 0o600);
  return {
    close: () => {
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function listen(path: string, onConnection: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(onConnection);
    server.once("error", (cause) => {
      reject(new SimurghError("control_failed", `cannot listen at ${path}: ${cause.message}`, { cause }));
    });
    server.listen(path, () => resolve(server));
  });
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.setTimeout(probeMsMax);
    socket.on("connect", () => finish(true));
    // Too busy to accept is alive, too.
    socket.on("timeout", () => finish(true));
    socket.on("error", () => finish(false));
    const finish = (answered: boolean) => {
      resolve(answered);
      socket.destroy();
    };
  });
}

/** Answers the requests of one connection one after the other. */
function serve(socket: Socket, handler: ControlHandler): void {
  const waiting: string[] = [];
  let rest = "";
  let busy = false;
  const answer = async () => {
    busy = true;
    for (let line = waiting.shift(); line !== undefined; line = waiting.shift()) {
      socket.setTimeout(0);
      const write = (reply: ControlReply) => {
        if (!socket.destroyed) socket.write(`${JSON.stringify(reply)}\n`);
      };
      write(await replyTo(line, (request) => handler(request, (progress) => write({ progress }))));
      socket.setTimeout(idleMsMax);
    }
    busy = false;
  };
  socket.setEncoding("utf8");
  socket.setTimeout(idleMsMax, () => socket.destroy());
  // The fault of a connection is its own; "close" follows.
  socket.on("error", () => {});
  socket.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    waiting.push(...lines);
    if (rest.length > controlLineCharsMax || waiting.length > connectionsMax) return void socket.destroy();
    if (!busy) void answer();
  });
}

async function replyTo(
  line: string,
  handler: (request: ControlRequest) => Promise<unknown>,
): Promise<ControlReply> {
  const request = parseRequest(line);
  if (request === undefined) return { ok: false, error: "not a request that this fleet knows" };
  try {
    return { ok: true, result: await handler(request) };
  } catch (error) {
    const code = error instanceof SimurghError ? error.code : undefined;
    return { ok: false, error: error instanceof Error ? error.message : String(error), code };
  }
}

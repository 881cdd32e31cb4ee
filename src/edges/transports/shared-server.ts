import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { hasBody, refuseUpgrade, send, serveWithoutUpgrade } from "./raw-answer.js";

/** Somebody who answers some of a server's requests. */
export interface Claimant {
  /** Sent with the answers that nobody else gives. */
  readonly headers: Readonly<Record<string, string>>;
  /** Sets what every answer carries, and answers what is its own. False: the request is somebody else's. */
  takeRequest(request: IncomingMessage, response: ServerResponse): boolean;
  /** As above, for upgrades. */
  takeUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
}

const claimants = new WeakMap<Server, Claimant[]>();

/** Node takes upgrades for plain requests unless somebody listens for them. */
const listen = (): void => {};

/**
 * Lets a claimant take what is its own before any listener of the server hears of it. Listeners, those added later
 * too, get the rest: a few addresses of somebody else's server are not his any more, and a second answer to one
 * request would be an error in his code.
 */
export function claim(server: Server, claimant: Claimant): void {
  const known = claimants.get(server);
  if (known !== undefined) {
    known.push(claimant);
    return;
  }
  const all = [claimant];
  claimants.set(server, all);
  const emit: (event: string, ...args: unknown[]) => boolean = server.emit;
  const offer = (event: string, ...args: unknown[]): boolean =>
    isTaken(server, all, event, args) || Reflect.apply(emit, server, [event, ...args]);
  Object.assign(server, { emit: offer });
  server.on("upgrade", listen);
}

function isTaken(server: Server, all: readonly Claimant[], event: string, args: readonly unknown[]): boolean {
  if (event === "request") {
    // Node's own arguments of these two events.
    const [request, response] = args as [IncomingMessage, ServerResponse];
    if (all.some((claimant) => claimant.takeRequest(request, response))) return true;
    return server.listenerCount("request") === 0 && send(response, { status: 404 });
  }
  if (event !== "upgrade") return false;
  const [request, socket, head] = args as [IncomingMessage, Duplex, Buffer];
  if (all.some((claimant) => claimant.takeUpgrade(request, socket, head))) return true;
  if (server.listeners("upgrade").some((listener) => listener !== listen)) return false;
  socket.on("error", destroy);
  if (hasBody(request)) refuseUpgrade(request, socket, { status: 501 }, all[0]?.headers ?? {});
  else serveWithoutUpgrade(server, request, socket);
  return true;
}

/** The client went away; there is nothing to tell it, and nobody else to tell. */
function destroy(this: Duplex): void {
  this.destroy();
}

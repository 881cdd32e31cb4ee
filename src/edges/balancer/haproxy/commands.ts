import { SimurghError } from "../../../runtime/errors.js";
import { type ConfigServer, hostPort, pools, serverWords } from "./config.js";
import { runtimeCommand } from "./runtime-socket.js";

/** Where HAProxy takes commands, and how long it may take to answer one. */
export interface CommandSocket {
  readonly path: string;
  readonly answerMsMax: number;
}

/** HAProxy answers several commands that it takes with an empty line. */
const nothing = /^\s*$/;

/** How long the connections of a server that is taken out may need to close. */
const emptyMsMax = 2_000;
const emptyPollMs = 20;

/** Takes a server into both pools. It comes in maintenance and unchecked, and is let go when all is set. */
export async function addToPools(
  socket: CommandSocket,
  { key, server }: ConfigServer,
  connectionsMax: number,
): Promise<void> {
  for (const pool of pools) {
    const target = `${pool}/${key}`;
    const words = `${hostPort(server.address)} ${serverWords(server, connectionsMax)}`;
    await tell(socket, `add server ${target} ${words}`, /registered/);
    await tell(socket, `enable health ${target}`, nothing);
    await tell(socket, `enable server ${target}`, nothing);
  }
}

/** Tells both pools the address and weight of a server. */
export async function changeInPools(socket: CommandSocket, { key, server }: ConfigServer): Promise<void> {
  const { address, weight } = server;
  for (const pool of pools) {
    const target = `${pool}/${key}`;
    await tell(socket, `set server ${target} addr ${address.host} port ${address.port}`, /changed|no need/);
    await tell(socket, `set server ${target} weight ${weight}`, nothing);
  }
}

/** Takes a server out of both pools and closes what it holds. Where it is gone already, that is well. */
export async function removeFromPools(socket: CommandSocket, key: string): Promise<void> {
  for (const pool of pools) {
    const target = `${pool}/${key}`;
    const answer = await tell(socket, `set server ${target} state maint`, /^\s*$|No such server/);
    if (answer.includes("No such server")) continue;
    await tell(socket, `shutdown sessions server ${target}`, nothing);
    await deleteServer(socket, target);
  }
}

/** A server may be deleted when its connections are closed, which they are soon. */
async function deleteServer(socket: CommandSocket, target: string): Promise<void> {
  const deadlineMs = performance.now() + emptyMsMax;
  const deleted = /deleted|No such server/;
  for (;;) {
    const isLate = performance.now() > deadlineMs;
    const answer = await tell(socket, `del server ${target}`, isLate ? deleted : /deleted|No such|still has/);
    if (deleted.test(answer)) return;
    await new Promise((resolve) => setTimeout(resolve, emptyPollMs));
  }
}

/** Gives one command. Rejects when there is no answer, or not the one of success. */
async function tell(socket: CommandSocket, command: string, accepted: RegExp): Promise<string> {
  const answer = await runtimeCommand(socket.path, command, socket.answerMsMax).catch((cause: unknown) => {
    throw new SimurghError("balancer_update_failed", `HAProxy did not answer "${command}"`, { cause });
  });
  if (accepted.test(answer)) return answer;
  throw new SimurghError("balancer_update_failed", `HAProxy refused "${command}": ${answer.trim()}`);
}

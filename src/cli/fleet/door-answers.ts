import type { Address } from "../../contracts/network.js";
import { probe } from "../../edges/balancer/embedded/probe.js";
import { NODE_HEADER } from "../../edges/transports/node-http.js";
import { pause } from "../support/within.js";

/** How long the door may take to answer, or to send a request to a new node. */
export const doorMsMax = 10_000;
const doorPollMs = 25;

/** Waits until the door answers, by whatever node, or by the one of that name. False: it did not within the time. */
export async function doorAnswers(door: Address, isOver: () => boolean, node?: string): Promise<boolean> {
  const deadlineMs = performance.now() + doorMsMax;
  while (!isOver() && performance.now() < deadlineMs) {
    const answer = await probe(door, "/ready", doorMsMax);
    if (typeof answer !== "string" && answer.status === 200) {
      if (node === undefined || answer.headers[NODE_HEADER] === node) return true;
    }
    await pause(doorPollMs);
  }
  return false;
}

import type { Channel, Socket } from "phoenix";
import * as phoenix from "phoenix";
import { WebSocket } from "ws";
import { ask } from "./http.js";
import { until } from "./wait.js";

/** One official client, joined to `room:lobby`. */
export interface Member {
  readonly socket: Socket;
  readonly channel: Channel;
  /** The node that it is on now; undefined while it is on none. */
  node: string | undefined;
  /** Nodes in the order in which it joined there: one more than it has reconnected. */
  readonly joins: string[];
  /** Codes with which its connections were closed. */
  readonly closes: number[];
  /** Times that the door did not let it in. */
  refusals: number;
}

/** Official clients behind a door. */
export interface Herd {
  readonly members: readonly Member[];
  on(node: string): readonly Member[];
  /** Everybody is joined somewhere, and on none of these. */
  untilBack(without?: readonly string[]): Promise<void>;
  leave(): Promise<void>;
}

// `ws` has the interface of a browser's WebSocket.
const transport = WebSocket as unknown as phoenix.SocketConnectOption["transport"];

function enter(port: number): Member {
  const socket = new phoenix.Socket(`ws://127.0.0.1:${port}/socket`, { transport });
  const channel = socket.channel("room:lobby");
  const member: Member = { socket, channel, node: undefined, joins: [], closes: [], refusals: 0 };
  let isOpen = false;
  socket.onOpen(() => {
    isOpen = true;
  });
  socket.onClose((event) => {
    if (isOpen) member.closes.push(event.code);
    else member.refusals += 1;
    isOpen = false;
    member.node = undefined;
  });
  socket.connect();
  channel.join().receive("ok", ({ node }) => {
    member.node = node;
    member.joins.push(node);
  });
  return member;
}

/** Lets that many clients in, and waits until all are joined. */
export async function gather(port: number, count: number): Promise<Herd> {
  const members = Array.from({ length: count }, () => enter(port));
  const herd: Herd = {
    members,
    on: (node) => members.filter((member) => member.node === node),
    untilBack: async (without = []) => {
      const isBack = ({ node }: Member) => node !== undefined && !without.includes(node);
      await until(() => members.every(isBack), "every client is back", 40_000);
    },
    leave: async () => {
      for (const { socket } of members) socket.disconnect();
      await until(() => members.every(({ socket }) => !socket.isConnected()), "all have left");
    },
  };
  await herd.untilBack();
  return herd;
}

/** Asks the door all the while; `end` gives the number of answers, and those that were not 200. */
export function knock(port: number): { end(): Promise<{ answers: number; bad: number[] }> } {
  const bad: number[] = [];
  let answers = 0;
  let over = false;
  const work = (async () => {
    while (!over) {
      const { status } = await ask(port).catch(() => ({ status: 0 }));
      answers += 1;
      if (status !== 200) bad.push(status);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  return {
    end: async () => {
      over = true;
      await work;
      return { answers, bad };
    },
  };
}

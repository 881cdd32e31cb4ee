import { once } from "node:events";
import { expect } from "vitest";
import { WebSocket } from "ws";
import type { ChatPage } from "./chat-page.js";
import type { ChatTabs } from "./chat-tabs.js";
import type { Fleet } from "./fleet.js";
import { until } from "./wait.js";

const allNodes = ["n1@127.0.0.1", "n2@127.0.0.1", "n3@127.0.0.1"];

/** Opens three tabs; each is to be on another node of the three. */
export async function openOnThreeNodes({ fleet, open }: ChatTabs, path = "") {
  const all = async () => (await nodesOfConnections(fleet.port, 3)).size === 3;
  await until(all, "three nodes that get connections", 20_000);
  const tabs: readonly [ChatPage, ChatPage, ChatPage] = [
    await open(path),
    await open(path),
    await open(path),
  ];
  const nodes = await Promise.all(tabs.map((tab) => tab.untilConnected()));
  expect(nodes.toSorted()).toEqual(allNodes);
  return { tabs, nodes };
}

/** The process of a node that runs. */
export async function pidOf(fleet: Fleet, node: string | undefined): Promise<number> {
  const row = (await fleet.nodes()).find(({ name }) => name === node);
  if (row?.pid == null) throw new Error(`${node} is not running`);
  return row.pid;
}

/** Opens so many connections beside each other, looks which nodes they came to, and closes them. */
async function nodesOfConnections(port: number, count: number): Promise<Set<string>> {
  const nodes = new Set<string>();
  const sockets: WebSocket[] = [];
  try {
    for (let index = 0; index < count; index += 1) {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/socket/websocket?vsn=2.0.0`);
      sockets.push(socket);
      const [answer] = await once(socket, "upgrade");
      nodes.add(answer.headers["x-simurgh-node"]);
    }
  } finally {
    const open = sockets.filter((socket) => socket.readyState !== WebSocket.CLOSED);
    const closed = open.map((socket) => once(socket, "close"));
    for (const socket of open) socket.terminate();
    await Promise.all(closed);
  }
  return nodes;
}

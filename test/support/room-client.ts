import { WebSocket } from "ws";
import { until } from "./wait.js";

/** A client of `room-app.mjs`, joined to `room:lobby`. */
export interface RoomClient {
  /** The node that it is on. */
  readonly node: string;
  readonly socket: WebSocket;
  /** Bodies of the shouts that it has heard. */
  readonly heard: readonly string[];
  readonly isClosed: boolean;
  shout(body: string): void;
}

/** Connects through a door and joins. */
export async function joinRoom(port: number): Promise<RoomClient> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/socket/websocket?vsn=2.0.0`);
  const heard: string[] = [];
  let joined: { node: string } | undefined;
  let failed: Error | undefined;
  socket.on("error", (error) => {
    failed = error;
  });
  socket.on("open", () => socket.send('["1","1","room:lobby","phx_join",{}]'));
  socket.on("message", (data) => {
    const [, , , event, payload] = JSON.parse(String(data));
    if (event === "phx_reply" && joined === undefined) joined = payload.response;
    if (event === "shout") heard.push(payload.body);
  });
  const answer = await until(() => {
    if (failed !== undefined && joined === undefined) throw failed;
    return joined;
  }, "joined");
  return {
    node: answer.node,
    socket,
    heard,
    get isClosed() {
      return socket.readyState === WebSocket.CLOSED;
    },
    shout: (body) => socket.send(JSON.stringify(["1", "2", "room:lobby", "shout", { body }])),
  };
}

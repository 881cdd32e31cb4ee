import { maskedFrame, RawClient } from "./raw-client.js";

/** How a client of each server connects and comes into the room. */
export type Dialect = "simurgh" | "raw-socket" | "bare-ws" | "socket-io";

const simurghJoin = maskedFrame('["1","1","room:bench","phx_join",{}]');
const socketIoConnect = maskedFrame("40");
const socketIoJoin = maskedFrame('420["join","room:bench"]');

/** Connects one client and joins it to the room of the bench. */
export async function joinRoom(dialect: Dialect, port: number): Promise<RawClient> {
  switch (dialect) {
    case "simurgh": {
      const client = await RawClient.open(port, "/socket/websocket?vsn=2.0.0");
      return request(client, simurghJoin, "phx_reply");
    }
    case "raw-socket":
    case "bare-ws":
      return RawClient.open(port, "/");
    case "socket-io": {
      const client = await RawClient.open(port, "/socket.io/?EIO=4&transport=websocket");
      await request(client, socketIoConnect, "40{");
      return request(client, socketIoJoin, "430");
    }
    default:
      return dialect satisfies never;
  }
}

async function request(client: RawClient, frame: Buffer, answer: string): Promise<RawClient> {
  const answered = client.awaitFrame(answer);
  client.send(frame);
  await answered;
  return client;
}

import type { Duplex } from "node:stream";

/**
 * A watch over a client whose handshake waits. Node reads nothing from it then, and would not notice that it went: so it
 * is read as far as the stream's buffer holds, and nothing is taken out, for it is the WebSocket's.
 */
export function watchClient(socket: Duplex): (gone: () => void) => () => void {
  return (gone) => {
    const look = (): void => {
      // Makes the stream notice its end.
      if (socket.readableLength === 0) socket.read(0);
    };
    socket.on("readable", look);
    socket.once("end", gone);
    socket.once("close", gone);
    return () => {
      socket.off("readable", look);
      socket.off("end", gone);
      socket.off("close", gone);
    };
  };
}

import { expect, it } from "vitest";
import { Hostile } from "../support/hostile.js";
import { RawWebSocket } from "../support/raw-websocket.js";
import { until } from "../support/wait.js";

it("a server that has no descriptors left keeps its clients, and serves again when it has some", async () => {
  const hostile = await Hostile.start(async () => {}, {}, 100);
  try {
    const raws = Array.from({ length: 300 }, () => new RawWebSocket(hostile.port));
    await until(() => raws.every(({ socket }) => !socket.connecting), "all connections to be tried");
    await hostile.witness.isWell();
    const refused = () => raws.filter(({ closed }) => closed).length;
    await until(() => refused() >= 200, "the server to turn away what it cannot hold");
    await hostile.witness.isWell();
    for (const raw of raws) raw.destroy();
    await until(async () => {
      const raw = await RawWebSocket.open(hostile.port);
      const alive = await raw.alive();
      raw.destroy();
      return alive;
    }, "the server to serve again");
    await hostile.expectNothingLeft(4_000_000);
    expect((await hostile.facts()).uncaught).toEqual([]);
  } finally {
    await hostile.stop();
  }
}, 60_000);

import { describe, expect, it } from "vitest";
import { startNode, untilMeshed } from "../support/mesh-node.js";
import { Relay } from "../support/relay.js";
import { until } from "../support/wait.js";

/** Long enough that nobody is taken for silent while a test lasts. */
const patient = { heartbeatPeriodMs: 2_000, heartbeatTimeoutMs: 20_000, backoffBaseMs: 5, backoffMaxMs: 50 };

/** A link to `b` that is dead, which nobody has noticed, and the next life of `b`, which is to take its place. */
async function startContest() {
  const a = await startNode("a", { timing: patient });
  const relay = await Relay.start(a.address);
  const b = await startNode("b", { timing: patient, peers: [relay.address] });
  await untilMeshed([a, b]);
  relay.silence();
  const again = startNode("b", { timing: { ...patient, startTimeoutMs: 50 }, peers: [a.address] });
  await until(() => a.stat("probes_out") === 1, "the question whether the first life is there");
  return { a, again };
}

describe("a connection that contests a link", () => {
  it("does not take its place in a node that stops", async () => {
    const { a, again } = await startContest();
    await a.mesh.stop();
    expect(a.events).toMatchObject([{ type: "node_up" }, { type: "node_down", reason: "stopped" }]);
    await again;
  });

  it("does not take its place when the node behind it is disconnected", async () => {
    const { a, again } = await startContest();
    a.mesh.disconnect("b");
    expect(a.mesh.links()).toEqual([]);
    expect(a.events).toMatchObject([{ type: "node_up" }, { type: "node_down", reason: "disconnected" }]);
    await again;
  });
});

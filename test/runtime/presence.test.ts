import { describe, expect, it } from "vitest";
import type { Json } from "../../src/core/shared/json.js";
import { presence } from "../../src/runtime/presence/presence.js";
import { PresenceCluster, refNamer } from "../support/presence-nodes.js";

const diff = (joins: object, leaves: object = {}) => [null, null, "p:1", "presence_diff", { joins, leaves }];
const reply = (ref: string) => [ref, ref, "p:1", "phx_reply", { response: {}, status: "ok" }];
const alice = (...metas: Json[]) => ({ alice: { metas } });

describe("presence on the wire", () => {
  it("is Phoenix's: the own diff, the state, others' joins, an update in one diff, a leave", async () => {
    const cluster = new PresenceCluster(presence());
    const node = await cluster.start("n1@test");
    const named = refNamer();
    const a = await node.connect();
    const b = await node.connect();
    const first = { at: 1, phx_ref: "R1" };
    const second = { at: 1, phx_ref: "R2" };

    expect(named(await a.join("p:1", "3", { who: "alice" }))).toEqual([
      reply("3"),
      diff(alice(first)),
      ["3", null, "p:1", "presence_state", alice(first)],
    ]);
    expect(named(await b.join("p:1", "7", { who: "alice" }))).toEqual([
      reply("7"),
      diff(alice(second)),
      ["7", null, "p:1", "presence_state", alice(first, second)],
    ]);
    expect(named(await a.received())).toEqual([diff(alice(second))]);

    a.send(["3", "4", "p:1", "update", { at: 2, status: "away" }]);
    const third = { at: 2, status: "away", phx_ref: "R3", phx_ref_prev: "R1" };
    const updated = diff(alice(third), alice(first));
    expect(named(await a.received())).toEqual([updated]);
    expect(named(await b.received())).toEqual([updated]);

    b.send(["7", "8", "p:1", "phx_leave", {}]);
    expect(named(await a.received())).toEqual([diff({}, alice(second))]);
    expect(named(await b.received())).toEqual([
      ["7", "8", "p:1", "phx_reply", { response: {}, status: "ok" }],
      ["7", "7", "p:1", "phx_close", {}],
    ]);
  });

  it("is derived by each node for its own clients, after the window of one flush", async () => {
    const cluster = new PresenceCluster(presence());
    const [n1, n2] = [await cluster.start("n1@test"), await cluster.start("n2@test")];
    const a = await n1.connect();
    const b = await n2.connect();
    await b.join("p:1", "1");
    await a.join("p:1", "1", { who: "alice" });
    expect(await b.received()).toEqual([]);
    await cluster.pass(25);
    const ref = expect.any(String);
    expect(await b.received()).toEqual([diff(alice({ at: 1, phx_ref: ref }))]);
    expect(cluster.keys("p:1")).toEqual(["alice", "alice"]);
  });
});

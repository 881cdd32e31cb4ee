import { describe, expect, it } from "vitest";
import { refusals } from "../../src/edges/pubsub/mesh/refusal.js";
import type { MeshNode } from "../support/mesh-node.js";
import { startCluster, startNode, untilMeshed } from "../support/mesh-node.js";
import { systemParts } from "../support/pubsub-engines.js";
import { Relay } from "../support/relay.js";
import { until } from "../support/wait.js";

const quick = { backoffBaseMs: 5, backoffMaxMs: 50 };
/** A silent peer is noticed in a third of a second, so that tests need not wait for seconds. */
const alert = { ...quick, heartbeatPeriodMs: 50, heartbeatTimeoutMs: 250 };

const downs = (node: MeshNode) => node.events.filter(({ type }) => type === "node_down");
const ups = (node: MeshNode) => node.events.filter(({ type }) => type === "node_up");

const breathe = () => new Promise<void>((resolve) => void setImmediate(resolve));

describe("two nodes that dial each other at the same moment", () => {
  it("end up with one link, whichever dial was first, and nothing is lost, doubled or reordered", async () => {
    for (let round = 0; round < 40; round++) {
      const a = await startNode("a", { timing: quick });
      const b = await startNode("b", { timing: quick });
      await Promise.all([a.mesh.subscribe("room:1"), b.mesh.subscribe("room:1")]);
      a.mesh.connect(b.address);
      b.mesh.connect(a.address);
      // Each says numbers from the first moment on; from `node_up` on none may be missing.
      let said = 0;
      await until(() => {
        a.say("room:1", `${said}`);
        b.say("room:1", `${said}`);
        said += 1;
        return a.mesh.nodes().length === 1 && b.mesh.nodes().length === 1;
      }, "the link");
      for (let i = 0; i < 50; i++, said++) {
        a.say("room:1", `${said}`);
        b.say("room:1", `${said}`);
      }
      await until(() => a.texts("room:1").at(-1) === `${said - 1}`, "the last to a");
      await until(() => b.texts("room:1").at(-1) === `${said - 1}`, "the last to b");
      for (const node of [a, b]) {
        const numbers = node.texts("room:1").map(Number);
        const first = numbers[0] ?? 0;
        expect(numbers).toEqual(Array.from({ length: said - first }, (_, i) => first + i));
        expect(numbers.length).toBeGreaterThanOrEqual(50);
        expect(ups(node)).toHaveLength(1);
        expect(downs(node)).toHaveLength(0);
        expect(node.stat("links_open")).toBe(1);
      }
      await until(() => a.stat("handshakes_open") + b.stat("handshakes_open") === 0, "the loser is gone");
      await Promise.all([a.mesh.stop(), b.mesh.stop()]);
    }
  });

  it("are joined in a full mesh of six that all dial all at once", async () => {
    const names = ["f", "d", "a", "c", "b", "e"];
    const nodes = await Promise.all(names.map((name) => startNode(name, { timing: quick })));
    for (const node of nodes) for (const other of nodes) node.mesh.connect(other.address);
    await untilMeshed(nodes);
    for (const node of nodes) {
      expect(ups(node)).toHaveLength(5);
      expect(downs(node)).toHaveLength(0);
      await until(() => node.mesh.peers().filter(({ state }) => state === "linked").length === 5, "rest");
      expect(node.mesh.peers().filter(({ state }) => state === "self")).toMatchObject([
        { address: node.address },
      ]);
    }
  });
});

describe("a node whose name is taken by a living node", () => {
  it("is refused with a line on both sides, and the first one stays linked", async () => {
    const [a, b] = await startCluster(["a", "b"], { timing: quick });
    const twin = await startNode("b", { timing: quick, peers: [a?.address ?? ""] });
    await until(() => (a?.stat("refused_duplicate_name") ?? 0) >= 3, "three refusals");
    expect(twin.mesh.nodes()).toEqual([]);
    expect(a?.mesh.nodes()).toEqual(["b"]);
    expect(a && downs(a)).toEqual([]);
    const fields = { node: "b", reason: refusals.duplicate_name.text, refused_by: "this node" };
    expect(a?.warnings()).toMatchObject([{ message: "mesh link refused", fields }]);
    expect(twin.warnings()).toMatchObject([
      {
        message: "mesh link refused",
        fields: { reason: refusals.duplicate_name.text, refused_by: "the peer" },
      },
    ]);
    expect(b?.warnings()).toEqual([]);
  });

  it("is refused by a leader and by a follower, whoever dials", async () => {
    for (const [first, second] of [
      ["a", "m"],
      ["z", "m"],
    ] as const) {
      const judge = await startNode(first, { timing: quick });
      const holder = await startNode(second, { timing: quick, peers: [judge.address] });
      await untilMeshed([judge, holder]);
      const twin = await startNode(second, { timing: quick });
      judge.mesh.connect(twin.address);
      await until(() => judge.stat("refused_duplicate_name") > 0, "the refusal of the dialled twin");
      twin.mesh.connect(judge.address);
      await until(() => twin.stat("refused_duplicate_name") > 1, "the refusal of the dialling twin");
      expect(judge.mesh.nodes()).toEqual([second]);
      expect(downs(judge)).toEqual([]);
    }
  });

  it("is refused by the holder of the name itself", async () => {
    const a = await startNode("a", { timing: quick });
    const twin = await startNode("a", { timing: quick, peers: [a.address] });
    await until(() => a.warnings(refusals.duplicate_name.text).length > 0, "the refusal");
    await until(() => twin.warnings(refusals.duplicate_name.text).length > 0, "the line of the twin");
  });

  it("gets in as soon as the first one is gone", async () => {
    const [a, b] = await startCluster(["a", "b"], { timing: quick });
    const twin = await startNode("b", { timing: quick, peers: [a?.address ?? ""] });
    await until(() => twin.stat("refused_duplicate_name") > 0, "the refusal");
    await b?.mesh.stop();
    await until(() => twin.mesh.nodes().length === 1, "the twin is linked");
  });
});

describe("a clock that is off", () => {
  it("by an hour, or that jumps by one, plays no part: nodes link, hear each other and come back, without a line", async () => {
    const hourMs = 3_600_000;
    let [offsetMs, jumpMs] = [-hourMs, 0];
    const late = { ...systemParts.clock, now: () => systemParts.clock.now() + offsetMs };
    const jumpy = { ...systemParts.clock, now: () => systemParts.clock.now() + jumpMs };
    const timing = { ...quick, heartbeatPeriodMs: 20, heartbeatTimeoutMs: 2_000 };
    const a = await startNode("a", { timing });
    const b = await startNode("b", { timing, peers: [a.address] }, late);
    const c = await startNode("c", { timing, peers: [a.address, b.address] }, jumpy);
    await untilMeshed([a, b, c]);
    for (jumpMs of [hourMs, -hourMs, 0]) {
      const before = c.stat("beats_in");
      await until(() => c.stat("beats_in") > before + 10, "its links live on");
    }
    // It comes back with a clock that is earlier than that of its life before.
    await b.mesh.stop();
    offsetMs -= hourMs;
    await b.restart();
    b.mesh.connect(c.address);
    await untilMeshed([a, b, c]);
    await a.mesh.subscribe("room:1");
    b.say("room:1", "from the past");
    await until(() => a.texts("room:1").length === 1, "the message");
    expect([a, b, c].flatMap((node) => [...node.warnings(), node.stat("links_lost")])).toEqual([0, 0, 0]);
  });
});

describe("a node that was killed and comes back under its name", () => {
  it("replaces its dead link, although nobody was told that it died", async () => {
    const a = await startNode("a", { timing: { ...quick, heartbeatPeriodMs: 100, heartbeatTimeoutMs: 600 } });
    const relay = await Relay.start(a.address);
    const b = await startNode("b", { timing: alert, peers: [relay.address] });
    await untilMeshed([a, b]);
    relay.silence();
    const again = await startNode("b", { timing: quick, peers: [a.address] });
    await untilMeshed([a, again]);
    expect(a.events).toMatchObject([
      { type: "node_up", node: "b" },
      { type: "node_down", node: "b", reason: "silent" },
      { type: "node_up", node: "b" },
    ]);
    await again.mesh.subscribe("room:1");
    a.say("room:1", "hello again");
    await until(() => again.texts("room:1").length === 1, "the message to the new life");
    expect(b.texts("room:1")).toEqual([]);
  });

  it("is dialled again by those that lost it", async () => {
    const b = await startNode("b");
    const relay = await Relay.start(b.address);
    const a = await startNode("a", { timing: quick, peers: [relay.address] });
    await untilMeshed([a, b]);
    for (let i = 1; i <= 5; i++) {
      relay.cut();
      await until(() => downs(a).length === i && downs(b).length === i, "both notice");
      await untilMeshed([a, b]);
    }
    expect(a.warnings().filter(({ message }) => message === "mesh node lost")).toHaveLength(5);
  });
});

describe("a peer that falls silent", () => {
  it("is noticed by both sides, and linked again when it is heard again", async () => {
    const b = await startNode("b", { timing: alert });
    const relay = await Relay.start(b.address);
    const a = await startNode("a", {
      timing: { ...alert, dialTimeoutMs: 100, handshakeTimeoutMs: 200 },
      peers: [relay.address],
    });
    await untilMeshed([a, b]);
    relay.silence();
    await until(() => a.mesh.nodes().length === 0 && b.mesh.nodes().length === 0, "both notice");
    expect(downs(a)).toEqual([{ type: "node_down", node: "b", reason: "silent" }]);
    expect(a.stat("links_silent")).toBe(1);
    relay.heal();
    await untilMeshed([a, b]);
  });

  it("is noticed in less than three seconds with the defaults", async () => {
    const b = await startNode("b");
    const relay = await Relay.start(b.address);
    const a = await startNode("a", { peers: [relay.address] });
    await untilMeshed([a, b]);
    relay.silence();
    await until(() => a.mesh.nodes().length === 0 && b.mesh.nodes().length === 0, "both notice", 3_000);
  });
});

describe("a node that leaves", () => {
  it("says so, and is not dialled until it is found again", async () => {
    const b = await startNode("b", { timing: quick });
    const { address } = b;
    const a = await startNode("a", { timing: quick });
    a.mesh.connect(address);
    await untilMeshed([a, b]);
    await b.mesh.stop();
    await until(() => a.mesh.nodes().length === 0, "the leaving is heard");
    expect(downs(a)).toEqual([{ type: "node_down", node: "b", reason: "left" }]);
    expect(a.mesh.peers()).toMatchObject([{ address, node: "b", state: "left" }]);
    expect(a.warnings()).toEqual([]);
    const port = Number(address.split(":")[1]);
    const again = await startNode("b", { timing: quick, listen: { port } });
    const dials = a.stat("dials");
    // Many times the longest backoff: it would have been dialled.
    const c = await startNode("c", { timing: quick, peers: ["127.0.0.1:1"] });
    await until(() => c.stat("dials") > 20, "somebody else retries twenty times");
    expect(a.stat("dials")).toBe(dials);
    a.mesh.connect(address);
    await untilMeshed([a, again]);
  });

  it("is linked again at once when it dials by itself", async () => {
    const a = await startNode("a", { timing: quick });
    const b = await startNode("b", { timing: quick, peers: [a.address] });
    a.mesh.connect(b.address);
    await untilMeshed([a, b]);
    const port = Number(b.address.split(":")[1]);
    await b.mesh.stop();
    const again = await startNode("b", { timing: quick, listen: { port }, peers: [a.address] });
    await untilMeshed([a, again]);
    await until(() => a.mesh.peers()[0]?.state === "linked", "the target rests on the new link");
  });

  it("is dialled again after a while when it is listed: nobody else would find it", async () => {
    const b = await startNode("b", { timing: quick });
    const port = Number(b.address.split(":")[1]);
    const a = await startNode("a", { timing: { ...quick, leaverHoldMs: 200 }, peers: [b.address] });
    await untilMeshed([a, b]);
    await b.mesh.stop();
    await until(() => a.mesh.peers()[0]?.state === "left", "the leaving is heard");
    const again = await startNode("b", { timing: quick, listen: { port } });
    await untilMeshed([a, again]);
  });

  it("delivers what it published before", async () => {
    const [a, b] = await startCluster(["a", "b"]);
    await b?.mesh.subscribe("room:1");
    for (let i = 0; i < 2_000; i++) a?.say("room:1", `${i} ${"x".repeat(500)}`);
    await a?.mesh.stop();
    await until(() => b?.texts("room:1").length === 2_000, "everything");
  });
});

describe("peers at run time", () => {
  it("come and go: connect, disconnect, forget", async () => {
    const [a, b] = [await startNode("a", { timing: quick }), await startNode("b", { timing: quick })];
    a.mesh.connect(`b@${b.address}`);
    b.mesh.connect(a.address);
    await untilMeshed([a, b]);
    a.mesh.disconnect("b");
    await until(() => a.mesh.nodes().length + b.mesh.nodes().length === 0, "the link is gone");
    expect(a.mesh.peers()).toEqual([]);
    await until(() => b.mesh.peers()[0]?.state === "left", "the other does not dial back");
    b.mesh.connect(a.address);
    await untilMeshed([a, b]);
    b.mesh.forget(a.address);
    expect(b.mesh.peers()).toEqual([]);
    expect(b.mesh.nodes()).toEqual(["a"]);
  });

  it("stay apart after disconnect, even when a dial of the other one is under way", async () => {
    for (let round = 0; round < 30; round++) {
      const [a, b] = [await startNode("a", { timing: quick }), await startNode("b", { timing: quick })];
      a.mesh.connect(b.address);
      await until(() => a.mesh.nodes().length === 1, "the link");
      b.mesh.connect(a.address);
      // The dial of the other has begun, and is in any phase of its way.
      for (let turns = 0; b.stat("dials") === 0 || turns < round % 10; turns++) await breathe();
      a.mesh.disconnect("b");
      await until(() => b.mesh.peers()[0]?.state === "left", "the other rests");
      await until(() => a.mesh.nodes().length + b.mesh.nodes().length === 0, "the link is gone");
      expect(a.mesh.peers()).toEqual([]);
      await Promise.all([a.mesh.stop(), b.mesh.stop()]);
    }
  });

  it("may be named as the node, or as Erlang names nodes", async () => {
    const a = await startNode("n1@127.0.0.1", { timing: quick });
    const b = await startNode("n2", { timing: quick });
    const c = await startNode("c", { timing: quick, peers: [`n1@${a.address}`, `n2@${b.address}`] });
    await until(() => c.mesh.nodes().length === 2, "both");
  });

  it("are refused when another node answers than was expected, with one line", async () => {
    const a = await startNode("a", { timing: quick });
    const b = await startNode("b", { timing: quick, peers: [`x@${a.address}`] });
    await until(() => b.stat("refused_name_unexpected") >= 3, "three refusals");
    expect(b.mesh.nodes()).toEqual([]);
    expect(b.warnings(refusals.name_unexpected.text)).toHaveLength(1);
  });

  it("are no more than there may be links", async () => {
    const a = await startNode("a", { timing: quick, limits: { linksMax: 2 } });
    const others = await Promise.all(
      ["b", "c", "d"].map((name) => startNode(name, { timing: quick, peers: [a.address] })),
    );
    await until(() => a.stat("refused_links_full") > 0, "the third is refused");
    expect(a.mesh.nodes()).toHaveLength(2);
    const linked = others.filter(({ mesh }) => mesh.nodes().length === 1);
    await linked[0]?.mesh.stop();
    await until(
      () => others.filter(({ mesh }) => mesh.nodes().length === 1).length === 2,
      "it gets the place",
    );
  });

  it("that do not answer are one line, however often they are dialled", async () => {
    const timing = { ...quick, backoffMaxMs: 5, unreachableGraceMs: 1 };
    const a = await startNode("a", { timing, peers: ["127.0.0.1:1"] });
    await until(() => a.stat("dials_failed") >= 20, "twenty dials");
    expect(a.warnings()).toMatchObject([{ message: "mesh peer unreachable", fields: { reason: "refused" } }]);
  });

  it("that never answered are no warning at first; those that did are one at once", async () => {
    const b = await startNode("b", { timing: quick });
    const timing = { ...quick, backoffMaxMs: 5, unreachableGraceMs: 600_000 };
    const a = await startNode("a", { timing, peers: ["127.0.0.1:1", b.address] });
    const untilDialled = async () => {
      const before = a.stat("dials_failed");
      await until(() => a.stat("dials_failed") >= before + 20, "twenty dials more");
    };
    await until(() => a.mesh.nodes().length === 1, "they are linked");
    await untilDialled();
    const awaited = a.lines.filter(({ message }) => message === "mesh peer does not answer yet");
    expect(awaited).toMatchObject([{ level: "info", fields: { remote: "127.0.0.1:1", reason: "refused" } }]);
    expect(a.warnings()).toEqual([]);
    const { address } = b;
    b.mesh.disconnect("a");
    await b.mesh.stop();
    a.mesh.connect(address);
    await untilDialled();
    expect(a.warnings()).toMatchObject([{ message: "mesh peer unreachable", fields: { remote: address } }]);
  });
});

describe("a start", () => {
  it("fails with mesh_bind_failed when the address is taken, and can be tried again", async () => {
    const a = await startNode("a");
    const listen = { port: Number(a.address.split(":")[1]) };
    await expect(startNode("b", { listen })).rejects.toMatchObject({ code: "mesh_bind_failed" });
    await a.mesh.stop();
    await startNode("b", { listen });
  });

  it("fails with mesh_config_invalid when the name of the node cannot travel", async () => {
    for (const name of ["", "with space", "n".repeat(256)]) {
      await expect(startNode(name)).rejects.toMatchObject({ code: "mesh_config_invalid" });
    }
  });

  it("is over when the listed peers were tried: messages flow to those that are there", async () => {
    const a = await startNode("a");
    await a.mesh.subscribe("room:1");
    const b = await startNode("b", { peers: ["127.0.0.1:1", a.address] });
    b.say("room:1", "right away");
    await until(() => a.texts("room:1").length === 1, "the message");
  });

  it("can follow a stop", async () => {
    const a = await startNode("a", { timing: quick });
    const b = await startNode("b", { timing: quick, peers: [a.address] });
    await untilMeshed([a, b]);
    await b.mesh.stop();
    await b.restart();
    await untilMeshed([a, b]);
  });
});

import { describe, expect, it } from "vitest";
import { decodeInterest, encodeInterest } from "../../src/edges/pubsub/mesh/interest-codec.js";
import { encodeFrame, encodeSequence, kinds } from "../../src/edges/pubsub/mesh/wire.js";
import { FakeClock } from "../support/fake-clock.js";
import { MemoryNetwork } from "../support/memory-network.js";
import { type MeshNode, startCluster, startNode, untilMeshed } from "../support/mesh-node.js";
import { dialLinked } from "../support/raw-peer.js";
import { until } from "../support/wait.js";

/** Beats are rare enough to stay out of the counting. */
const calm = { heartbeatPeriodMs: 60_000, heartbeatTimeoutMs: 120_000 };

const whole = (topics: readonly string[]) =>
  Buffer.concat(
    encodeInterest(
      1,
      true,
      topics.map((topic) => Buffer.from(topic)),
      [],
    ),
  );

describe("a message", () => {
  it("is sent to nodes with subscribers only: the others get not one byte", async () => {
    const [a, b, c] = (await startCluster(["a", "b", "c"], { timing: calm })) as [
      MeshNode,
      MeshNode,
      MeshNode,
    ];
    await b.mesh.subscribe("room:1");
    const before = { b: b.stat("bytes_in"), c: c.stat("bytes_in"), out: a.stat("bytes_out") };
    for (let i = 0; i < 1_000; i++) a.say("room:1", `${i}`);
    for (let i = 0; i < 1_000; i++) a.say("room:nobody", `${i}`);
    await until(() => b.texts("room:1").length === 1_000, "all messages");
    expect(c.stat("bytes_in")).toBe(before.c);
    expect(a.stat("bytes_out") - before.out).toBe(b.stat("bytes_in") - before.b);
    // 5 of header, 2 of length, 6 of topic, and the numbers themselves.
    expect(b.stat("bytes_in") - before.b).toBe(1_000 * 13 + 2_890);
    expect(a.stat("messages_published")).toBe(2_000);
    expect(a.stat("messages_out")).toBe(1_000);
  });

  it("travels with all others of its turn in one write for each peer", async () => {
    const [a, ...others] = (await startCluster(["a", "b", "c"], { timing: calm })) as [
      MeshNode,
      ...MeshNode[],
    ];
    for (const other of others) await other.mesh.subscribe("room:1");
    await others[0]?.mesh.subscribe("room:2");
    const before = a.stat("writes");
    for (let i = 0; i < 100; i++) {
      a.say("room:1", `${i}`);
      // Gaps for one of the two: its bytes are gathered.
      a.say("room:2", `${i}`);
    }
    await until(() => others.every((other) => other.texts("room:1").length === 100), "all messages");
    expect(others[0]?.texts("room:2")).toHaveLength(100);
    expect(a.stat("writes") - before).toBe(2);
  });

  it("that finds nobody subscribed any more is dropped by the receiver", async () => {
    const a = await startNode("a");
    const peer = await dialLinked(a.address, "b");
    void a.mesh.subscribe("room:1");
    for (const topic of ["room:1", "room:2"]) {
      const head = Buffer.from([0, topic.length]);
      peer.send(encodeFrame(kinds.message, Buffer.concat([head, Buffer.from(`${topic}data`)])));
    }
    await until(() => a.stat("messages_in") === 2, "both messages");
    expect(a.texts("room:1")).toEqual(["data"]);
    expect(a.stat("messages_unwanted")).toBe(1);
  });

  it("whose delivery throws takes nothing else down", async () => {
    const [a, b] = (await startCluster(["a", "b"])) as [MeshNode, MeshNode];
    await b.mesh.subscribe("room:1");
    b.deliveries.push = () => {
      throw new Error("above is broken");
    };
    a.say("room:1", "1");
    await until(() => b.stat("deliver_errors") === 1, "the error is counted");
    expect(b.lines.filter(({ level }) => level === "error")).toHaveLength(1);
    expect(b.mesh.nodes()).toEqual(["a"]);
  });
});

describe("subscribe", () => {
  it("has nothing to wait for while there is no other node", async () => {
    const a = await startNode("a");
    expect(a.mesh.subscribe("room:1")).toBeUndefined();
  });

  it("waits for every peer that is linked, and shares one announcement and one promise in a turn", async () => {
    const a = await startNode("a", { timing: calm });
    const peers = [await dialLinked(a.address, "b"), await dialLinked(a.address, "c")] as const;
    for (const peer of peers) await peer.next(kinds.interest);
    const promises = ["room:1", "room:2", "room:3"].map((topic) => a.mesh.subscribe(topic));
    expect(new Set(promises).size).toBe(1);
    let settled = false;
    const settling = promises[0]?.then(() => {
      settled = true;
    });
    const changes = [];
    for (const peer of peers) {
      expect(settled).toBe(false);
      const change = decodeInterest(await peer.next(kinds.interest));
      expect(change).toMatchObject({ full: false, last: true, added: ["room:1", "room:2", "room:3"] });
      changes.push(change);
      // An acknowledgement of something older does not count.
      peer.send(encodeFrame(kinds.interestAck, encodeSequence((change?.sequence ?? 0) - 1)));
      peer.send(encodeFrame(kinds.interestAck, encodeSequence(change?.sequence ?? 0)));
    }
    expect(changes[0]?.sequence).toBe(changes[1]?.sequence);
    await settling;
  });

  it("of a topic that is being announced waits for the same announcement", async () => {
    const a = await startNode("a", { timing: calm });
    const peer = await dialLinked(a.address, "b");
    const first = a.mesh.subscribe("room:1");
    expect(a.mesh.subscribe("room:1")).toBe(first);
    await peer.next(kinds.interest);
    await peer.next(kinds.interest);
    expect(a.mesh.subscribe("room:1")).toBe(first);
  });

  it("stops waiting for a peer that dies", async () => {
    const a = await startNode("a", { timing: calm });
    const peer = await dialLinked(a.address, "b");
    const settling = a.mesh.subscribe("room:1");
    await peer.next(kinds.interest);
    await peer.next(kinds.interest);
    peer.socket.destroy();
    await settling;
    expect(a.stat("interest_timeouts")).toBe(0);
  });

  it("stops waiting after interestTimeoutMs for a peer that says nothing", async () => {
    const a = await startNode("a", { timing: { ...calm, interestTimeoutMs: 50 } });
    const peer = await dialLinked(a.address, "b");
    await a.mesh.subscribe("room:1");
    expect(a.stat("interest_timeouts")).toBe(1);
    expect(peer.closed).toBe(false);
  });

  it("stops waiting when the node stops", async () => {
    const a = await startNode("a", { timing: calm });
    await dialLinked(a.address, "b");
    const settling = a.mesh.subscribe("room:1");
    await a.mesh.stop();
    await settling;
  });

  it("covers a node that comes up meanwhile: once it lists this one, its messages arrive", async () => {
    for (let round = 0; round < 30; round++) {
      const a = await startNode("a");
      const b = await startNode("b");
      b.mesh.connect(a.address);
      // Subscribes go on all the while, in every phase of the handshake.
      let topics = 0;
      while (!b.mesh.nodes().includes("a")) {
        await a.mesh.subscribe(`room:${topics}`);
        topics += 1;
        await new Promise((resolve) => setImmediate(resolve));
      }
      // All but the one that may still be waiting for its acknowledgement.
      for (let i = 0; i < topics - 1; i++) b.say(`room:${i}`, "first");
      await until(() => a.deliveries.length >= topics - 1, "a message on every topic");
      await Promise.all([a.mesh.stop(), b.mesh.stop()]);
    }
  });

  it("before the start is announced with the first link", async () => {
    const [a] = (await startCluster(["a"])) as [MeshNode];
    await a.mesh.stop();
    await a.mesh.subscribe("room:early");
    const b = await startNode("b");
    b.mesh.connect("127.0.0.1:1");
    expect(b.mesh.stats()).toMatchObject({ topics_remote: 0 });
    expect(a.mesh.stats()).toMatchObject({ topics_local: 1 });
  });

  it("keeps a topic that no wire can carry to this node alone", async () => {
    const [a, b] = (await startCluster(["a", "b"])) as [MeshNode, MeshNode];
    for (const topic of ["x".repeat(65_536), "lone surrogate \ud800"]) {
      expect(a.mesh.subscribe(topic)).toBeUndefined();
    }
    expect(a.stat("topics_unannounceable")).toBe(2);
    b.say("lone surrogate \ud800", "lost");
    expect(() => b.say("x".repeat(65_536), "lost")).toThrow("payload_too_large");
    await a.mesh.subscribe("x".repeat(65_535));
    b.say("x".repeat(65_535), "carried");
    await until(() => a.deliveries.length === 1, "the longest topic");
  });
});

describe("interest", () => {
  it("of a hundred thousand topics is told in frames of bounded size before the link is up", async () => {
    const a = await startNode("a");
    const topics = Array.from({ length: 100_000 }, (_, i) => `room:with:a:longer:name:${i}`);
    for (const topic of topics) void a.mesh.subscribe(topic);
    const b = await startNode("b", { peers: [a.address] });
    await untilMeshed([a, b]);
    expect(b.stat("topics_remote")).toBe(100_000);
    expect(b.stat("interest_in")).toBeGreaterThan(30);
    b.say(topics[99_999] ?? "", "hello");
    await until(() => a.deliveries.length === 1, "the message");
  });

  it("of a peer that is gone is forgotten", async () => {
    const [a, b] = (await startCluster(["a", "b"])) as [MeshNode, MeshNode];
    await Promise.all(["room:1", "room:2"].map((topic) => b.mesh.subscribe(topic)));
    expect(a.stat("topics_remote")).toBe(2);
    await b.mesh.stop();
    await until(() => a.stat("topics_remote") === 0, "it is forgotten");
  });

  it("of more topics than are remembered turns into interest in everything, and loses no message", async () => {
    const a = await startNode("a", { limits: { interestTopicsMax: 10 } });
    const b = await startNode("b", { peers: [a.address] });
    await untilMeshed([a, b]);
    const topics = Array.from({ length: 50 }, (_, i) => `room:${i}`);
    await Promise.all(topics.map((topic) => b.mesh.subscribe(topic)));
    expect(a.stat("interest_overflows")).toBe(1);
    expect(a.stat("topics_remote")).toBe(0);
    for (const topic of [...topics, "room:unknown"]) a.say(topic, topic);
    await until(() => b.deliveries.length === 50, "all messages");
    await until(() => b.stat("messages_unwanted") === 1, "the one that nobody wanted");
    expect(a.warnings()).toHaveLength(1);
  });

  it("in odd pieces is put together: many frames, one acknowledgement", async () => {
    const a = await startNode("a", { timing: calm });
    const peer = await dialLinked(a.address, "b");
    const frames = encodeInterest(
      7,
      true,
      Array.from({ length: 5_000 }, (_, i) => Buffer.from(`a topic with some length ${i}`)),
      [],
    );
    expect(frames.length).toBeGreaterThan(1);
    const bytes = Buffer.concat(frames);
    for (let i = 0; i < bytes.length; i += 10_007) peer.send(bytes.subarray(i, i + 10_007));
    expect(await peer.next(kinds.interestAck)).toEqual(encodeSequence(7));
    expect(peer.frames.filter(({ kind }) => kind === kinds.interestAck)).toEqual([]);
    expect(a.stat("topics_remote")).toBe(5_000);
  });

  it("is what a link is up with: before both sides know it, the peer is not listed", async () => {
    const a = await startNode("a", { timing: calm });
    const peer = await dialLinked(a.address, "b");
    const full = decodeInterest(await peer.next(kinds.interest));
    peer.send(whole(["room:1"]));
    await peer.next(kinds.interestAck);
    expect(a.mesh.nodes()).toEqual([]);
    peer.send(encodeFrame(kinds.interestAck, encodeSequence(full?.sequence ?? 0)));
    await until(() => a.mesh.nodes().length === 1, "the link is up");
  });
});

describe("on a simulated clock and network", () => {
  const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));
  const settle = async () => {
    for (let i = 0; i < 20; i++) await turn();
  };

  async function startPair() {
    const network = new MemoryNetwork();
    const clock = new FakeClock();
    const start = async (name: string, peers: string[]) => {
      let node: MeshNode | undefined;
      void startNode(name, { network, peers }, clock).then((started) => {
        node = started;
      });
      while (node === undefined) await clock.advance(1, settle);
      return node;
    };
    const a = await start("a", []);
    const b = await start("b", [`a@${a.address}`]);
    return { network, clock, a, b };
  }

  it("the real mesh links, beats, and notices silence after two seconds and a beat at most", async () => {
    const { network, clock, a, b } = await startPair();
    expect([a.mesh.nodes(), b.mesh.nodes()]).toEqual([["b"], ["a"]]);
    await clock.advance(60_000, settle);
    expect(b.stat("beats_in")).toBe(120);
    network.silent = true;
    await clock.advance(1_400, settle);
    expect(a.mesh.nodes()).toEqual(["b"]);
    await clock.advance(1_200, settle);
    expect([a.mesh.nodes(), b.mesh.nodes()]).toEqual([[], []]);
    network.silent = false;
    await clock.advance(5_000, settle);
    expect([a.mesh.nodes(), b.mesh.nodes()]).toEqual([["b"], ["a"]]);
  });

  it("writes nothing between the beats when there is nothing to say", async () => {
    const { network, clock, a } = await startPair();
    network.writes.length = 0;
    await clock.advance(10_000, settle);
    expect(network.writes).toHaveLength(2 * 20);
    expect(network.writes.every((bytes) => bytes.length === 5)).toBe(true);
    for (let i = 0; i < 100; i++) a.say("room:nobody", "x");
    await settle();
    expect(network.writes).toHaveLength(2 * 20);
  });

  it("does not judge others by its own standstill", async () => {
    const { clock, a, b } = await startPair();
    clock.skip(30_000);
    await clock.advance(3_000, settle);
    expect([a.mesh.nodes(), b.mesh.nodes()]).toEqual([["b"], ["a"]]);
    expect(a.events.filter(({ type }) => type === "node_down")).toEqual([]);
  });

  it("leaves no timer behind", async () => {
    const { clock, a, b } = await startPair();
    await Promise.all([a.mesh.stop(), b.mesh.stop()]);
    expect(clock.pending).toBe(0);
  });
});

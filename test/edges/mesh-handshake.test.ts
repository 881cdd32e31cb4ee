import { describe, expect, it } from "vitest";
import { Handshake } from "../../src/edges/pubsub/mesh/handshake.js";
import { encodeHello, encodeOpening } from "../../src/edges/pubsub/mesh/hello.js";
import { refusals } from "../../src/edges/pubsub/mesh/refusal.js";
import { encodeFrame, kinds, preamble } from "../../src/edges/pubsub/mesh/wire.js";
import { startCluster, startNode, untilMeshed } from "../support/mesh-node.js";
import { testSecret } from "../support/pubsub-engines.js";
import { dialLinked, dialProven, dialRaw, listenRaw, rawHello } from "../support/raw-peer.js";
import { until } from "../support/wait.js";

const otherSecret = "another secret, also long enough";

describe("a node with another secret", () => {
  it("is refused, logged once on each side however often it tries, and counted each time", async () => {
    const timing = { backoffBaseMs: 2, backoffMaxMs: 5 };
    const a = await startNode("a", { timing });
    const b = await startNode("b", { secret: otherSecret, peers: [`a@${a.address}`], timing });
    await until(() => a.stat("refused_secret") >= 20, "twenty refusals");
    expect(a.mesh.nodes()).toEqual([]);
    expect(b.mesh.nodes()).toEqual([]);
    expect(a.warnings()).toMatchObject([
      { message: "mesh link refused", fields: { reason: refusals.secret.text, refused_by: "this node" } },
    ]);
    expect(b.warnings()).toMatchObject([
      {
        message: "mesh link refused",
        fields: { remote: a.address, reason: refusals.secret.text, refused_by: "the peer" },
      },
    ]);
    expect(b.stat("refused_secret")).toBeGreaterThan(10);
  });

  it("does not disturb the others", async () => {
    const [a, b] = await startCluster(["a", "b"]);
    await b?.mesh.subscribe("room:1");
    const c = await startNode("c", { secret: otherSecret, peers: [a?.address ?? "", b?.address ?? ""] });
    await until(() => c.stat("refused_secret") >= 2, "both refuse it");
    a?.say("room:1", "still here");
    await until(() => b?.texts("room:1").length === 1, "the message");
    expect(c.deliveries).toEqual([]);
  });
});

describe("secrets can be rotated without a moment apart", () => {
  it.each([
    ["old", testSecret, "old and new", [testSecret, otherSecret]],
    ["old and new", [testSecret, otherSecret], "new and old", [otherSecret, testSecret]],
    ["new and old", [otherSecret, testSecret], "new", otherSecret],
  ])("%s links with %s", async (_one, first, _other, second) => {
    const a = await startNode("a", { secret: first });
    const b = await startNode("b", { secret: second, peers: [a.address] });
    await untilMeshed([a, b]);
  });

  it("a node that only knows the old one is out when the others dropped it", async () => {
    const a = await startNode("a", { secret: [otherSecret] });
    const b = await startNode("b", { secret: [testSecret, otherSecret], peers: [a.address] });
    await until(() => a.stat("refused_secret") > 0, "the refusal");
    expect(b.mesh.nodes()).toEqual([]);
  });
});

describe("whoever does not prove the secret", () => {
  it("gets no frame read: messages in the place of a proof are refused", async () => {
    const a = await startNode("a");
    await a.mesh.subscribe("room:1");
    const peer = await dialRaw(a.address);
    const message = Buffer.concat([Buffer.from([0, 6]), Buffer.from("room:1evil")]);
    peer.send(encodeOpening(encodeHello(rawHello("x"))), encodeFrame(kinds.message, message));
    expect([...(await peer.next(kinds.refuse))]).toEqual([refusals.secret.code, 1, 1]);
    await peer.untilClosed();
    expect(a.stat("refused_secret")).toBe(1);
    expect(a.deliveries).toEqual([]);
    expect(a.stat("messages_in")).toBe(0);
  });

  it("is refused with an empty, a short and a wrong proof", async () => {
    const a = await startNode("a");
    for (const proof of [[], [1, 2, 3], new Array<number>(32).fill(7), new Array<number>(64).fill(7)]) {
      const peer = await dialRaw(a.address);
      peer.send(encodeOpening(encodeHello(rawHello("x"))), encodeFrame(kinds.proof, proof));
      await peer.next(kinds.refuse);
      await peer.untilClosed();
    }
    expect(a.stat("refused_secret")).toBe(4);
    expect(a.warnings()).toHaveLength(1);
  });

  it.each([
    ["the bytes of a browser", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["noise", Buffer.from(Array.from({ length: 4_000 }, (_, i) => (i * 7919) % 251))],
    ["a frame that claims a gigabyte", Buffer.concat([preamble, Buffer.from([0x40, 0, 0, 0, 1])])],
    ["a hello that is larger than it may be", Buffer.concat([preamble, encodeFrame(1, Buffer.alloc(2_000))])],
    ["an empty frame", Buffer.concat([preamble, Buffer.from([0, 0, 0, 0])])],
    ["a hello cut short", Buffer.concat([preamble, encodeFrame(kinds.hello, [1, 1, 5])])],
    ["a nameless hello", encodeOpening(encodeHello(rawHello("")))],
    ["a name with a line break", encodeOpening(encodeHello(rawHello("a\nb")))],
    ["a frame that only links may send", Buffer.concat([preamble, encodeFrame(kinds.beat)])],
  ])("is cut off and counted when it sends %s", async (_what, bytes) => {
    const [a, b] = await startCluster(["a", "b"]);
    await b?.mesh.subscribe("room:1");
    const peer = await dialRaw(a?.address ?? "");
    peer.send(bytes);
    await peer.untilClosed();
    const count = (a?.stat("protocol_faults") ?? 0) + (a?.stat("refused_protocol") ?? 0);
    expect(count).toBe(1);
    expect(a?.warnings()).toHaveLength(1);
    a?.say("room:1", "undisturbed");
    await until(() => b?.texts("room:1").length === 1, "the message");
    expect(b?.events.filter(({ type }) => type === "node_down")).toEqual([]);
  });

  it("is cut off when it dawdles, byte by byte", async () => {
    const a = await startNode("a", { timing: { handshakeTimeoutMs: 100 } });
    const peer = await dialRaw(a.address);
    const opening = encodeOpening(encodeHello(rawHello("slow")));
    let dripped = 0;
    const drip = setInterval(() => {
      if (dripped < opening.length - 1) peer.send(opening.subarray(dripped, dripped + 1));
      dripped += 1;
    }, 5);
    await peer.untilClosed();
    clearInterval(drip);
    expect(a.stat("handshakes_timed_out")).toBe(1);
    expect(a.warnings("handshake timeout")).toHaveLength(1);
    await until(() => a.stat("handshakes_open") === 0, "nothing is left of it");
  });

  it("has to make room: idlers do not keep a node of the cluster out", async () => {
    const a = await startNode("a", { limits: { handshakesMax: 4 } });
    const idlers = await Promise.all(Array.from({ length: 12 }, () => dialRaw(a.address)));
    await until(() => a.stat("handshakes_evicted") === 8, "the eldest go");
    expect(a.stat("handshakes_open")).toBe(4);
    const b = await startNode("b", { peers: [a.address] });
    await untilMeshed([a, b]);
    await until(() => idlers.filter(({ closed }) => closed).length >= 8, "the idlers hear of it");
  });
});

describe("a proof", () => {
  it("is worth nothing on another connection: a recorded handshake is refused", async () => {
    const a = await startNode("a");
    const hello = encodeOpening(encodeHello(rawHello("x")));
    const first = await dialRaw(a.address);
    first.send(hello);
    // The recorder saw a true node prove itself with this hello.
    const acceptorHello = await first.next(kinds.hello);
    const node = new Handshake({
      role: "dialer",
      self: rawHello("x"),
      secrets: [testSecret],
      expectedNames: [],
    });
    const opening = node.open() ?? Buffer.alloc(0);
    const proof = node.receive(kinds.hello, acceptorHello).send ?? Buffer.alloc(0);
    const replay = await dialRaw(a.address);
    replay.send(opening, proof);
    expect((await replay.next(kinds.refuse))[0]).toBe(refusals.secret.code);
    await replay.untilClosed();
  });

  it("cannot be had from the node itself: its own hello and proof sent back are refused", async () => {
    const trap = await listenRaw();
    const a = await startNode("a", { peers: [trap.address], timing: { startTimeoutMs: 20 } });
    const dialled = await until(() => trap.peers[0], "the node dials the trap");
    const hello = await dialled.next(kinds.hello);
    dialled.send(Buffer.concat([preamble, encodeFrame(kinds.hello, hello)]));
    dialled.send(encodeFrame(kinds.proof, await dialled.next(kinds.proof)));
    expect((await dialled.next(kinds.refuse))[0]).toBe(refusals.secret.code);
    expect(a.mesh.nodes()).toEqual([]);
    // Nor does it take the address for its own, and stop dialling: the other end proved nothing.
    await until(() => trap.peers.length > 1, "the next dial");
  });

  it("of one role is none of the other: a proof reflected under another name is refused", async () => {
    const trap = await listenRaw();
    const a = await startNode("a", { peers: [trap.address], timing: { startTimeoutMs: 20 } });
    const dialled = await until(() => trap.peers[0], "the node dials the trap");
    await dialled.next(kinds.hello);
    dialled.send(encodeOpening(encodeHello(rawHello("x"))));
    const proof = await dialled.next(kinds.proof);
    dialled.send(encodeFrame(kinds.proof, proof));
    expect((await dialled.next(kinds.refuse))[0]).toBe(refusals.secret.code);
    expect(a.stat("refused_secret")).toBe(1);
  });

  it("vouches for every part of both hellos", () => {
    const dialerHello = rawHello("d");
    const acceptorHello = rawHello("c");
    const proofOver = (dialer: typeof dialerHello, acceptor: typeof acceptorHello) => {
      const side = new Handshake({
        role: "dialer",
        self: dialer,
        secrets: [testSecret],
        expectedNames: [],
      });
      const { send } = side.receive(kinds.hello, encodeHello(acceptor));
      return send?.toString("hex");
    };
    const other = rawHello("other");
    const changes = [
      { name: "e" },
      { nonce: other.nonce },
      { incarnation: other.incarnation },
      { versionMax: 9 },
      { frameBytesMax: 9_999_999 },
    ];
    const proofs = [
      proofOver(dialerHello, acceptorHello),
      proofOver(acceptorHello, dialerHello),
      ...changes.map((change) => proofOver({ ...dialerHello, ...change }, acceptorHello)),
      ...changes.map((change) => proofOver(dialerHello, { ...acceptorHello, ...change })),
    ];
    expect(proofs.every((proof) => proof?.length === 2 * (5 + 32))).toBe(true);
    expect(new Set(proofs).size).toBe(proofs.length);
  });
});

describe("wire versions", () => {
  it("the highest in common is spoken: a node that knows more than this one is welcome", async () => {
    const a = await startNode("a");
    const peer = await dialRaw(a.address);
    const handshake = new Handshake({
      role: "dialer",
      self: rawHello("b", { versionMin: 1, versionMax: 9 }),
      secrets: [testSecret],
      expectedNames: [],
    });
    peer.send(handshake.open() ?? "");
    peer.send(handshake.receive(kinds.hello, await peer.next(kinds.hello)).send ?? "");
    const step = handshake.receive(kinds.proof, await peer.next(kinds.proof));
    expect(step).toMatchObject({ type: "proven", version: 1, peer: { name: "a" } });
  });

  it("a node with none in common is refused, with the versions, before it proves anything", async () => {
    const a = await startNode("a");
    const peer = await dialRaw(a.address);
    peer.send(encodeOpening(encodeHello(rawHello("b", { versionMin: 2, versionMax: 9 }))));
    expect([...(await peer.next(kinds.refuse))]).toEqual([refusals.version.code, 1, 1]);
    await peer.untilClosed();
    expect(a.warnings()).toMatchObject([{ fields: { node: "b", reason: refusals.version.text } }]);
  });
});

describe("a peer that has proven the secret", () => {
  it("may not skip the verdict", async () => {
    const a = await startNode("a");
    const peer = await dialProven(a.address, "b");
    peer.send(encodeFrame(kinds.message, Buffer.from([0, 1, 120])));
    await peer.untilClosed();
    expect(a.stat("protocol_faults")).toBe(1);
  });

  it("may not admit itself", async () => {
    const a = await startNode("a");
    const peer = await dialProven(a.address, "b");
    peer.send(encodeFrame(kinds.admit));
    await peer.untilClosed();
    expect(a.mesh.nodes()).toEqual([]);
  });

  it.each([
    ["an oversize frame", Buffer.from([0x7f, 0xff, 0xff, 0xff, kinds.message])],
    ["an unknown kind", encodeFrame(77)],
    ["a message that is cut short", encodeFrame(kinds.message, [1])],
    ["a message whose topic goes beyond it", encodeFrame(kinds.message, [0, 9, 120])],
    ["a malformed interest", encodeFrame(kinds.interest, [1, 2, 3])],
    [
      "an interest that counts more topics than it has",
      encodeFrame(kinds.interest, [3, ...[0, 0, 0, 0, 0, 1], ...[0, 0, 0, 9]]),
    ],
    [
      "a change of an interest never told",
      encodeFrame(kinds.interest, [2, ...[0, 0, 0, 0, 0, 1], ...[0, 0, 0, 0]]),
    ],
    ["a malformed acknowledgement", encodeFrame(kinds.interestAck, [1])],
  ])("is broken off, with one line, when it sends %s", async (_what, bytes) => {
    const [a, c] = await startCluster(["a", "c"]);
    await c?.mesh.subscribe("room:1");
    const peer = await dialLinked(a?.address ?? "", "b");
    peer.send(bytes);
    await peer.untilClosed();
    expect(a?.stat("protocol_faults")).toBe(1);
    expect(a?.warnings()).toMatchObject([{ message: "mesh link broken off", fields: { node: "b" } }]);
    a?.say("room:1", "undisturbed");
    await until(() => c?.texts("room:1").length === 1, "the message");
  });
});

import { describe, expect, it } from "vitest";
import { encodeInterest } from "../../src/edges/pubsub/mesh/interest-codec.js";
import { encodeFrame, encodeSequence, kinds } from "../../src/edges/pubsub/mesh/wire.js";
import { startNode } from "../support/mesh-node.js";
import { dialLinked, type RawFrame, type RawPeer } from "../support/raw-peer.js";
import { until } from "../support/wait.js";

const mebibyte = 1_048_576;
const limits = { frameBytesMax: mebibyte, queueBytesMax: 2 * mebibyte };
const payload = "x".repeat(10_000);
/** Differs from message to message, so that bytes of one in another are seen. */
const payloadOf = (i: number) => String.fromCharCode(97 + (i % 26)).repeat(10_000);

/** A peer that wants `room:1`, and says nothing more by itself. */
async function dialListener(address: string, name: string): Promise<RawPeer> {
  const peer = await dialLinked(address, name);
  peer.send(...encodeInterest(1, true, [Buffer.from("room:1")], []));
  await peer.next(kinds.interestAck);
  peer.send(encodeFrame(kinds.interestAck, encodeSequence(1)));
  return peer;
}

/** Beats for a peer whose test does not. */
function keepBeating(peer: RawPeer): () => void {
  const timer = setInterval(() => peer.send(encodeFrame(kinds.beat)), 100);
  return () => clearInterval(timer);
}

const numbersOf = (peer: RawPeer) =>
  peer.frames
    .filter(({ kind }) => kind === kinds.message)
    .map(({ body }) => Number.parseInt(body.toString("latin1", 8), 10));

/** Whether a frame is no message, or one as it was sent. */
function wholeMessage({ kind, body }: RawFrame): boolean {
  if (kind !== kinds.message) return true;
  const text = body.toString("latin1", 8);
  const number = Number.parseInt(text, 10);
  return text === `${number}` || text === `${number} ${payloadOf(number)}`;
}

const breathe = () => new Promise<void>((resolve) => void setImmediate(resolve));

describe("a peer that stops reading", () => {
  it("costs bounded memory: what finds its queue full is dropped and counted, with one line", async () => {
    const a = await startNode("a", { limits });
    const slow = await dialListener(a.address, "b");
    const brisk = await dialListener(a.address, "c");
    const stops = [keepBeating(slow), keepBeating(brisk)];
    slow.socket.pause();
    const count = 3_000;
    let queuedMax = 0;
    for (let i = 0; i < count; i++) {
      a.say("room:1", `${i} ${payloadOf(i)}`);
      if (i % 20 === 19) await breathe();
      if (i % 200 === 199) await until(() => numbersOf(brisk).length === i + 1, "the other keeps up");
      queuedMax = Math.max(queuedMax, a.stat("queued_bytes"));
    }
    // Thirty megabytes were published; what the system's own buffers took is not the node's.
    expect(queuedMax).toBeLessThan(2 * limits.queueBytesMax);
    expect(a.stat("dropped_messages")).toBeGreaterThan(500);
    expect(a.stat("dropped_bytes")).toBeGreaterThan(500 * payload.length);
    expect(a.warnings()).toMatchObject([
      { message: "mesh queue full, messages to this node are dropped", fields: { node: "b" } },
    ]);
    expect(brisk.frames.every(wholeMessage)).toBe(true);
    expect(numbersOf(brisk)).toEqual(Array.from({ length: count }, (_, i) => i));

    slow.socket.resume();
    await until(() => a.stat("queued_bytes") === 0, "the queue drains");
    a.say("room:1", `${count}`);
    await until(() => numbersOf(slow).at(-1) === count, "the message after it");
    expect(slow.frames.every(wholeMessage)).toBe(true);
    const got = numbersOf(slow);
    expect(got).toEqual([...got].sort((x, y) => x - y));
    expect(new Set(got).size).toBe(got.length);
    expect(got.length).toBe(count + 1 - a.stat("dropped_messages"));
    await until(() => a.lines.some(({ message }) => message === "mesh queue has room again"), "the line");
    for (const stop of stops) stop();
  });

  it("still gets the beats of the node, behind what waits for it", async () => {
    const a = await startNode("a", { limits, timing: { heartbeatPeriodMs: 20, heartbeatTimeoutMs: 5_000 } });
    const slow = await dialListener(a.address, "b");
    slow.socket.pause();
    for (let i = 0; i < 2_000; i++) {
      a.say("room:1", `${i} ${payload}`);
      if (i % 20 === 19) await breathe();
    }
    expect(a.stat("dropped_messages")).toBeGreaterThan(0);
    const before = a.stat("beats_out");
    await until(() => a.stat("beats_out") > before + 3, "beats");
    slow.socket.resume();
    await until(() => slow.frames.filter(({ kind }) => kind === kinds.beat).length > before + 3, "the beats");
  });

  it("and is silent, too, is given up, with all that waits for it", async () => {
    const a = await startNode("a", { limits, timing: { heartbeatPeriodMs: 50, heartbeatTimeoutMs: 200 } });
    const slow = await dialListener(a.address, "b");
    await until(() => a.mesh.nodes().length === 1, "the link is up");
    slow.socket.pause();
    for (let i = 0; i < 300; i++) a.say("room:1", `${i} ${payload}`);
    await until(() => a.mesh.nodes().length === 0, "it is given up");
    expect(a.stat("queued_bytes")).toBe(0);
    expect(a.stat("topics_remote")).toBe(0);
    expect(a.events.at(-1)).toEqual({ type: "node_down", node: "b", reason: "silent" });
  });

  it("does not hold up a stop for longer than stopTimeoutMs", async () => {
    const a = await startNode("a", { limits, timing: { stopTimeoutMs: 100 } });
    const slow = await dialListener(a.address, "b");
    slow.socket.pause();
    for (let i = 0; i < 1_000; i++) {
      a.say("room:1", `${i} ${payload}`);
      if (i % 20 === 19) await breathe();
    }
    expect(a.stat("queued_bytes")).toBeGreaterThan(0);
    await a.mesh.stop();
  });
});

describe("messages of many sizes", () => {
  it("arrive whole and in order, from empty ones to the largest that there may be", async () => {
    const a = await startNode("a", { limits });
    const peer = await dialListener(a.address, "b");
    const stop = keepBeating(peer);
    const sizes = [0, 1, 100, 4_095, 4_096, 65_535, 65_536, 70_000, mebibyte - 64, 3, 200_000, 0];
    for (const size of sizes) a.mesh.publish("room:1", new Uint8Array(size).fill(size % 251));
    const bodies = () => peer.frames.filter(({ kind }) => kind === kinds.message).map(({ body }) => body);
    await until(() => bodies().length === sizes.length, "all messages");
    expect(bodies().map((body) => body.length - 8)).toEqual(sizes);
    bodies().forEach((body, i) => {
      expect(body.subarray(8).every((byte) => byte === (sizes[i] ?? 0) % 251)).toBe(true);
    });
    expect(() => a.mesh.publish("room:1", new Uint8Array(mebibyte))).toThrow("payload_too_large");
    stop();
  });

  it("are not sent to a peer that takes less than this node", async () => {
    const a = await startNode("a");
    const peer = await dialListener(a.address, "b");
    a.mesh.publish("room:1", new Uint8Array(2 * mebibyte));
    a.say("room:1", "small");
    await peer.next(kinds.message);
    expect(a.stat("dropped_messages")).toBe(1);
    expect(a.stat("messages_out")).toBe(1);
  });
});

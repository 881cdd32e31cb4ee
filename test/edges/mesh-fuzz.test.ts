import { describe, expect, it } from "vitest";
import { encodeHello, encodeOpening } from "../../src/edges/pubsub/mesh/hello.js";
import { encodeFrame, kinds, preamble } from "../../src/edges/pubsub/mesh/wire.js";
import { type MeshNode, startCluster } from "../support/mesh-node.js";
import { dialLinked, dialRaw, rawHello } from "../support/raw-peer.js";
import { until } from "../support/wait.js";

/** A stream of numbers that is the same for the same seed. */
function seeded(seed: number) {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  const bytes = (length: number) => Buffer.from(Array.from({ length }, () => below(256)));
  return { below, bytes };
}

type Chance = ReturnType<typeof seeded>;

const known = Object.values(kinds);

/** A frame that looks like one: a known kind with noise, a true one with a flipped bit, or noise altogether. */
function frame(chance: Chance): Buffer {
  const kind = known[chance.below(known.length)] ?? 0;
  switch (chance.below(4)) {
    case 0:
      return encodeFrame(kind, chance.bytes(chance.below(60)));
    case 1: {
      const whole = encodeFrame(kinds.hello, encodeHello(rawHello("fuzz")));
      const at = chance.below(whole.length);
      whole[at] = (whole[at] ?? 0) ^ (1 << chance.below(8));
      return whole;
    }
    case 2:
      return encodeFrame(kinds.message, Buffer.concat([Buffer.from([0, 6]), Buffer.from("room:1noise")]));
    default:
      return chance.bytes(1 + chance.below(40));
  }
}

async function untilCalm(nodes: readonly MeshNode[]): Promise<void> {
  for (const node of nodes) {
    await until(() => node.stat("handshakes_open") === 0, "no connection is left over");
    await until(() => node.mesh.nodes().length === nodes.length - 1, "only the nodes are linked");
    await until(() => node.stat("links_open") === nodes.length - 1, "no half link is left over");
  }
}

const seeds = Array.from({ length: 12 }, (_, i) => 1_000 + i);

describe("noise from strangers", () => {
  it.each(seeds)("of seed %d reaches nobody, and disturbs no link", async (seed) => {
    const chance = seeded(seed);
    const nodes = await startCluster(["a", "b"], { timing: { handshakeTimeoutMs: 300 } });
    const [a, b] = nodes as [MeshNode, MeshNode];
    await Promise.all([a.mesh.subscribe("room:1"), b.mesh.subscribe("room:1")]);
    for (let i = 0; i < 20; i++) {
      const stranger = await dialRaw(a.address);
      if (chance.below(3) > 0) stranger.send(preamble);
      if (chance.below(3) === 0) stranger.send(encodeOpening(encodeHello(rawHello("x"))).subarray(8));
      for (let frames = chance.below(8); frames > 0; frames--) stranger.send(frame(chance));
      if (chance.below(2) === 0) stranger.socket.end();
      b.say("room:1", `${i}`);
    }
    await until(() => a.texts("room:1").length === 20, "the messages of the other node");
    expect(a.texts("room:1")).toEqual(Array.from({ length: 20 }, (_, i) => `${i}`));
    expect(a.events).toHaveLength(1);
    await untilCalm(nodes);
  });
});

describe("noise from a peer that knows the secret", () => {
  it.each(seeds)("of seed %d costs this peer its link, and nobody else anything", async (seed) => {
    const chance = seeded(seed);
    const nodes = await startCluster(["a", "b"]);
    const [a, b] = nodes as [MeshNode, MeshNode];
    await Promise.all([a.mesh.subscribe("room:2"), b.mesh.subscribe("room:2")]);
    for (let i = 0; i < 10; i++) {
      const peer = await dialLinked(a.address, `m${i}`);
      for (let frames = chance.below(20); frames > 0; frames--) peer.send(frame(chance));
      peer.socket.end(chance.bytes(3));
      b.say("room:2", `${i}`);
    }
    await until(() => a.texts("room:2").length === 10, "the messages of the other node");
    a.say("room:2", "still here");
    await until(() => b.texts("room:2").includes("still here"), "the answer");
    expect(b.events).toHaveLength(1);
    await untilCalm(nodes);
    expect(a.stat("deliver_errors")).toBe(0);
    expect(a.stat("topics_remote")).toBe(1);
  });
});

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backoffMs } from "../../src/edges/pubsub/mesh/backoff.js";
import { FrameReader } from "../../src/edges/pubsub/mesh/frame-reader.js";
import { decodeHello, encodeHello, negotiateVersion } from "../../src/edges/pubsub/mesh/hello.js";
import { decodeInterest, encodeInterest } from "../../src/edges/pubsub/mesh/interest-codec.js";
import { LocalTopics } from "../../src/edges/pubsub/mesh/local-topics.js";
import { mesh } from "../../src/edges/pubsub/mesh/mesh.js";
import { defaultLimits, defaultTiming, type MeshOptions } from "../../src/edges/pubsub/mesh/options.js";
import { formatAddress, parsePeer } from "../../src/edges/pubsub/mesh/peer-address.js";
import { refusals } from "../../src/edges/pubsub/mesh/refusal.js";
import { encodeFrame, kinds, preamble } from "../../src/edges/pubsub/mesh/wire.js";
import { SimurghError } from "../../src/runtime/errors.js";
import { testSecret } from "../support/pubsub-engines.js";
import { rawHello } from "../support/raw-peer.js";

describe("the frame reader", () => {
  const frames = fc.array(fc.tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 300 })), {
    maxLength: 30,
  });

  it("finds the same frames however the stream is cut into pieces", () => {
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 }), (sent, cuts) => {
        const stream = Buffer.concat([preamble, ...sent.map(([kind, body]) => encodeFrame(kind, body))]);
        const got: [number, Uint8Array][] = [];
        const reader = new FrameReader(1_000, (buffer, start, end) => {
          got.push([buffer[start] ?? -1, new Uint8Array(buffer.subarray(start + 1, end))]);
          return true;
        });
        for (let offset = 0, i = 0; offset < stream.length; i++) {
          const size = cuts[i % cuts.length] ?? 1;
          // A plain Uint8Array: what a network hands on need not be a Buffer.
          expect(reader.push(new Uint8Array(stream.subarray(offset, offset + size)))).toBeUndefined();
          offset += size;
        }
        expect(got).toEqual(sent);
      }),
    );
  });

  it("ends on noise with a fault, and never takes more memory than a frame may have", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 500 })), (pieces) => {
        const reader = new FrameReader(1_000, (_buffer, start, end) => {
          expect(end - start).toBeLessThanOrEqual(1_000);
          return true;
        });
        reader.push(preamble);
        for (const piece of pieces) if (reader.push(piece) !== undefined) return;
      }),
    );
  });

  it("stops in the middle of a piece when it is told to", () => {
    let count = 0;
    const reader = new FrameReader(1_000, () => {
      count += 1;
      return count < 2;
    });
    reader.push(Buffer.concat([preamble, encodeFrame(1), encodeFrame(2), encodeFrame(3)]));
    expect(count).toBe(2);
  });
});

describe("the codecs", () => {
  it("read back every hello, and no noise", () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z0-9@.\-_é鳥]{1,60}$/),
        fc.nat(255),
        fc.nat(255),
        (name, min, max) => {
          const hello = rawHello(name, { versionMin: min, versionMax: max });
          expect(decodeHello(encodeHello(hello))).toEqual(hello);
        },
      ),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
        const hello = decodeHello(Buffer.from(noise));
        if (hello === undefined) return;
        const again = encodeHello(hello);
        expect(again).toEqual(Buffer.from(noise).subarray(0, again.length));
      }),
    );
  });

  it("read back every change of interest, and throw on no noise", () => {
    const topics = fc.array(fc.string({ unit: "grapheme", maxLength: 200 }));
    fc.assert(
      fc.property(topics, topics, fc.nat(2 ** 40), fc.boolean(), (added, removed, sequence, full) => {
        const bytes = (list: string[]) => list.map((topic) => Buffer.from(topic));
        const changes = encodeInterest(sequence, full, bytes(added), bytes(removed)).map((frame) =>
          decodeInterest(frame.subarray(5)),
        );
        expect(changes.flatMap((change) => change?.added ?? [])).toEqual(added);
        expect(changes.flatMap((change) => change?.removed ?? [])).toEqual(removed);
        expect(changes.map((change) => change?.full)).toEqual(changes.map((_, i) => full && i === 0));
        expect(changes.map((change) => change?.last)).toEqual(
          changes.map((_, i) => i === changes.length - 1),
        );
        expect(changes.every((change) => change?.sequence === sequence)).toBe(true);
      }),
    );
    fc.assert(fc.property(fc.uint8Array(), (noise) => void decodeInterest(Buffer.from(noise))));
  });
});

describe("local topics", () => {
  it("are found by their bytes after any course of adding and removing, those that share a slot, too", () => {
    // More names than slots.
    const names = Array.from({ length: 6_000 }, (_, i) => `room:${i}`);
    const topics = new LocalTopics();
    const model = new Set<string>();
    const name = fc.constantFrom(...names);
    const step = fc.record({ name, what: fc.constantFrom("add", "remove", "find", "find") });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 500 }), (steps) => {
        for (const { name: topic, what } of steps) {
          if (what === "add") expect(topics.add(topic) !== undefined).toBe(!model.has(topic));
          if (what === "add") model.add(topic);
          if (what === "remove") expect(topics.remove(topic) !== undefined).toBe(model.delete(topic));
          const bytes = Buffer.from(`##${topic}##`);
          expect(topics.find(bytes, 2, bytes.length - 2)).toBe(model.has(topic) ? topic : undefined);
        }
      }),
    );
    for (const topic of names) topics.add(topic);
    for (const topic of names) expect(topics.find(Buffer.from(topic), 0, topic.length)).toBe(topic);
  });
});

describe("versions", () => {
  it.each([
    [{ min: 1, max: 1 }, { min: 1, max: 1 }, 1],
    [{ min: 1, max: 3 }, { min: 2, max: 9 }, 3],
    [{ min: 2, max: 9 }, { min: 1, max: 3 }, 3],
    [{ min: 1, max: 1 }, { min: 2, max: 2 }, undefined],
    [{ min: 3, max: 4 }, { min: 1, max: 2 }, undefined],
    [{ min: 1, max: 2 }, { min: 9, max: 0 }, undefined],
  ])("%j and %j speak %s", (ours, theirs, version) => {
    expect(negotiateVersion(ours, theirs)).toBe(version);
  });
});

describe("the backoff", () => {
  it("grows, up to its limit, and is a random part of it", () => {
    expect([0, 1, 2, 3, 4, 5, 60, 5_000].map((attempt) => backoffMs(attempt, 100, 2_000, 1))).toEqual([
      100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000,
    ]);
    expect(backoffMs(5, 100, 2_000, 0.25)).toBe(500);
    expect(backoffMs(5, 100, 2_000, 0)).toBe(0);
  });
});

describe("the address of a peer", () => {
  it.each([
    ["10.0.0.1:7000", { host: "10.0.0.1", port: 7000 }, []],
    ["n1@10.0.0.1:7000", { host: "10.0.0.1", port: 7000 }, ["n1", "n1@10.0.0.1"]],
    ["n1@a@host.test:1", { host: "host.test", port: 1 }, ["n1@a", "n1@a@host.test"]],
    ["[::1]:65535", { host: "::1", port: 65535 }, []],
    ["n1@[fe80::1%eth0]:9", { host: "fe80::1%eth0", port: 9 }, ["n1", "n1@fe80::1%eth0"]],
  ])("%s is understood", (text, address, names) => {
    expect(parsePeer(text)).toEqual({ address, names });
    expect(text.endsWith(formatAddress(address))).toBe(true);
  });

  it.each([
    "",
    "host",
    "host:",
    ":7000",
    "@host:1",
    "host:0",
    "host:65536",
    "::1:7000",
    "a b:1",
    "[::1]",
    "x:1:2",
  ])('"%s" is refused', (text) => {
    expect(() => parsePeer(text)).toThrow(SimurghError);
  });
});

describe("options", () => {
  const bad: [string, unknown][] = [
    ["no secret", {}],
    ["an empty list of secrets", { secret: [] }],
    ["a short secret", { secret: "too short" }],
    ["a short one among the secrets", { secret: [testSecret, "short"] }],
    ["a secret that is no string", { secret: 1234567890123456 }],
    ["a peer without a port", { secret: testSecret, peers: ["n1@host"] }],
    ["a limit of nothing", { secret: testSecret, limits: { linksMax: 0 } }],
    ["a limit that is no number", { secret: testSecret, limits: { linksMax: Number.NaN } }],
    ["a timing of half a millisecond", { secret: testSecret, timing: { dialTimeoutMs: 0.5 } }],
    ["frames too small for the longest topic", { secret: testSecret, limits: { frameBytesMax: 1_000 } }],
    ["a queue smaller than a frame", { secret: testSecret, limits: { queueBytesMax: 1_000_000 } }],
    [
      "a timeout shorter than two beats",
      { secret: testSecret, timing: { heartbeatPeriodMs: 100, heartbeatTimeoutMs: 199 } },
    ],
    ["a port out of range", { secret: testSecret, listen: { port: 70_000 } }],
  ];

  it.each(bad)("with %s are refused", (_what, options) => {
    expect(() => mesh(options as MeshOptions)).toThrow(
      expect.objectContaining({ name: "SimurghError", code: "mesh_config_invalid" }),
    );
  });

  it("that are undefined count as left out", () => {
    mesh({ secret: testSecret, limits: { linksMax: undefined } } as unknown as MeshOptions);
  });
});

describe("docs/mesh.md", () => {
  const text = readFileSync(new URL("../../docs/mesh.md", import.meta.url), "utf8");
  const shown = (value: number) =>
    value >= 1_048_576 && value % 1_048_576 === 0 ? `${value / 1_048_576} MiB` : value.toLocaleString("en");

  it.each(Object.entries({ ...defaultLimits, ...defaultTiming }))(
    "tells the default of %s, %d",
    (name, value) => {
      const rows = text.split("\n").filter((line) => line.startsWith(`| \`${name}\``));
      expect(rows).toHaveLength(1);
      expect(rows[0]?.split("|").at(-2)?.trim()).toBe(shown(value));
    },
  );

  it.each(Object.entries(kinds))("tells the number of the frame %s, %d", (_name, kind) => {
    expect(text).toMatch(new RegExp(`^\\| ${kind} +\\|`, "m"));
  });

  it.each(Object.entries(refusals))("tells the code of the refusal %s", (_name, { code }) => {
    expect(text).toMatch(new RegExp(`Refusals:[^.]*\\b${code} [a-z]`));
  });
});

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Broadcast } from "../../src/runtime/broadcast.js";
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  PIECE_BYTES,
  type PollRequest,
  toPieces,
} from "../../src/runtime/longpoll/poll-wire.js";
import { readPostBody } from "../../src/runtime/longpoll/post-body.js";

const ndjson = "application/x-ndjson";

describe("the body of a post", () => {
  it("is one text message of any type but the exact one", () => {
    for (const type of [
      undefined,
      "application/json",
      "text/plain",
      `${ndjson}; charset=utf-8`,
      "Application/X-NDJSON",
    ]) {
      expect(readPostBody(type, "[1]\n[2]")).toEqual({ frames: ["[1]\n[2]"], whole: true });
    }
  });

  it("is lines of text and of base64", () => {
    const body = "[1]\r\nAAEBCAUxMnJvb206YmluY2h1bmsBAg==\n[2]";
    const bytes = Buffer.from("00010108053132726f6f6d3a62696e6368756e6b0102", "hex");
    expect(readPostBody(ndjson, body)).toEqual({ frames: ["[1]", bytes, "[2]"], whole: true });
  });

  it("has an empty binary message where a line is empty", () => {
    expect(readPostBody(ndjson, "[1]\n")).toEqual({ frames: ["[1]", Buffer.alloc(0)], whole: true });
    expect(readPostBody(ndjson, "")).toEqual({ frames: [Buffer.alloc(0)], whole: true });
  });

  it.each(["{}", " [1]", "A", "AAA", "AA=A", "A_-A", "AAAA=", "ä"])(
    "ends where a line is neither: %j",
    (line) => {
      expect(readPostBody(ndjson, `[1]\n${line}\n[2]`)).toEqual({ frames: ["[1]"], whole: false });
    },
  );

  it("ends after a hundred lines", () => {
    const { frames, whole } = readPostBody(
      ndjson,
      Array.from({ length: 101 }, (_, i) => `[${i}]`).join("\n"),
    );
    expect([frames.length, frames.at(-1), whole]).toEqual([100, "[99]", true]);
  });
});

const frame = fc.oneof(
  fc.string(),
  fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
);

describe("questions between nodes", () => {
  it("come as they were asked, whatever is in them", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("poll", "post", "drop"),
        fc.nat(),
        fc.string(),
        fc.array(frame),
        (kind, id, from, frames) => {
          const request: PollRequest = { kind, id, from, frames };
          const sent = Broadcast.of("topic", kind, encodeRequest(request)).encode();
          const broadcast = Broadcast.decode("topic", sent);
          expect(broadcast && decodeRequest(broadcast)).toEqual(request);
        },
      ),
    );
  });

  it.each<[string, object]>([
    ["other", { id: 1, from: "a", frames: [] }],
    ["poll", { id: "1", from: "a", frames: [] }],
    ["poll", { id: 1, frames: [] }],
    ["post", { id: 1, from: "a" }],
    ["post", new Uint8Array([1])],
  ])("that are none are not understood: %s %j", (event, payload) => {
    expect(decodeRequest(Broadcast.of("topic", event, payload))).toBeUndefined();
  });

  it.each<[string, object]>([
    ["other", { id: 1 }],
    ["taken", { id: "1" }],
    ["done", { id: 1, status: 500, messages: [] }],
    ["done", { id: 1, status: 200 }],
    ["done", new Uint8Array([1])],
  ])("with answers that are none are not answered: %s %j", (event, payload) => {
    expect(decodeResponse(Broadcast.of("topic", event, payload))).toBeUndefined();
  });

  it("are cut into pieces that engines carry, in order", () => {
    const size = fc.integer({ min: 0, max: PIECE_BYTES * 1.5 });
    fc.assert(
      fc.property(fc.array(size, { maxLength: 12 }), (sizes) => {
        const frames = sizes.map((bytes) => new Uint8Array(bytes));
        const pieces = toPieces(frames);
        expect(pieces.flat()).toHaveLength(frames.length);
        expect(pieces.flat().every((one, i) => one === frames[i])).toBe(true);
        for (const piece of pieces) {
          const bytes = piece.reduce((sum, { length }) => sum + length, 0);
          expect(piece.length === 1 || bytes <= PIECE_BYTES).toBe(true);
        }
        // No two neighbours would have gone together.
        for (const [i, piece] of pieces.entries()) {
          const next = pieces[i + 1]?.[0];
          const bytes = piece.reduce((sum, { length }) => sum + length, next?.length ?? PIECE_BYTES + 1);
          expect(bytes).toBeGreaterThan(PIECE_BYTES);
        }
      }),
      { numRuns: 30 },
    );
  });
});

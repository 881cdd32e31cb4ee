import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ProtocolFault } from "../../../src/core/protocol/message.js";
import {
  decodeV2Binary,
  encodeBinaryBroadcast,
  encodeBinaryPush,
  encodeBinaryReply,
  FieldTooLong,
  type Utf8,
} from "../../../src/core/protocol/v2-binary.js";

const utf8: Utf8 = {
  decode: (bytes, start, end) => Buffer.from(bytes).toString("utf8", start, end),
  encode: (text) => Buffer.from(text, "utf8"),
};
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const fromHex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));

/** Text whose UTF-8 fits one length byte and survives the way there and back. */
const field = fc.string({ unit: "grapheme", maxLength: 60 }).filter((text) => Buffer.byteLength(text) <= 255);
const data = fc.uint8Array({ maxLength: 300 });

/** A client's push, written plainly. */
function pushOf(parts: readonly string[], payload: Uint8Array): Uint8Array {
  const bytes = parts.map((part) => Buffer.from(part));
  return Buffer.concat([Buffer.from([0, ...bytes.map((one) => one.length)]), ...bytes, payload]);
}

/** Reads a frame from the server as phoenix.js does: kind, lengths, texts, data. */
function readFrame(bytes: Uint8Array, fields: number): { kind: number; texts: string[]; data: Uint8Array } {
  const lengths = [...bytes.subarray(1, 1 + fields)];
  let at = 1 + fields;
  const texts = lengths.map((length) => {
    at += length;
    return utf8.decode(bytes, at - length, at);
  });
  return { kind: bytes[0] ?? -1, texts, data: bytes.subarray(at) };
}

describe("binary frames of V2", () => {
  it("decode a client's push", () => {
    const message = decodeV2Binary(fromHex("00 01 01 08 05 31 32 726f6f6d3a62696e 6368756e6b 0102"), utf8);
    expect(message).toEqual({
      joinRef: "1",
      ref: "2",
      topic: "room:bin",
      event: "chunk",
      payload: new Uint8Array([1, 2]),
    });
  });

  it("decode whatever fits", () => {
    fc.assert(
      fc.property(field, field, field, field, data, (joinRef, ref, topic, event, payload) => {
        const message = decodeV2Binary(pushOf([joinRef, ref, topic, event], payload), utf8);
        expect(message).toEqual({ joinRef, ref, topic, event, payload: expect.any(Uint8Array) });
        if (message instanceof ProtocolFault) return;
        expect(hex(message.payload as Uint8Array)).toBe(hex(payload));
      }),
    );
  });

  it("decode fields of no length as empty text, not as null", () => {
    expect(decodeV2Binary(fromHex("00 00 00 00 00"), utf8)).toMatchObject({
      joinRef: "",
      ref: "",
      topic: "",
      event: "",
    });
  });

  it.each([
    "",
    "00",
    "00 01",
    "00 01 01 01",
    "00 01 00 00 00",
    "00 ff ff ff ff 31",
    "01 00 00 00 00",
    "02 00 00",
    "ff",
  ])("find fault with %j", (text) =>
    expect(decodeV2Binary(fromHex(text), utf8)).toBeInstanceOf(ProtocolFault),
  );

  it("find fault with every cut of the texts and never throw", () => {
    fc.assert(
      fc.property(field, field, fc.nat(), (topic, event, at) => {
        const whole = pushOf(["1", "2", topic, event], new Uint8Array());
        expect(decodeV2Binary(whole.subarray(0, at % whole.length), utf8)).toBeInstanceOf(ProtocolFault);
      }),
    );
    fc.assert(fc.property(data, (bytes) => void decodeV2Binary(bytes, utf8)));
  });

  it("encode pushes, replies and broadcasts as the golden transcripts have them", () => {
    const payload = fromHex("01020304");
    expect(hex(encodeBinaryPush("1", "room:bin", "thumb", fromHex("0001"), utf8))).toBe(
      "0001080531726f6f6d3a62696e7468756d620001",
    );
    expect(hex(encodeBinaryReply("1", "2", "room:bin", "ok", payload, utf8))).toBe(
      "01010108023132726f6f6d3a62696e6f6b01020304",
    );
    expect(hex(encodeBinaryBroadcast("room:bin", "frame", fromHex("ff"), utf8))).toBe(
      "020805726f6f6d3a62696e6672616d65ff",
    );
  });

  it("encode what a client can read back", () => {
    fc.assert(
      fc.property(field, field, field, field, data, (joinRef, ref, topic, name, payload) => {
        const same = (frame: Uint8Array, kind: number, texts: string[]) => {
          const read = readFrame(frame, texts.length);
          expect({ ...read, data: hex(read.data) }).toEqual({ kind, texts, data: hex(payload) });
        };
        same(encodeBinaryPush(joinRef, topic, name, payload, utf8), 0, [joinRef, topic, name]);
        same(encodeBinaryReply(joinRef, ref, topic, name, payload, utf8), 1, [joinRef, ref, topic, name]);
        same(encodeBinaryBroadcast(topic, name, payload, utf8), 2, [topic, name]);
      }),
    );
  });

  it("refuse a field of more than 255 bytes in the sender, naming field and size", () => {
    const long = "ä".repeat(128);
    const none = new Uint8Array();
    expect(() => encodeBinaryPush("1", long, "e", none, utf8)).toThrow(FieldTooLong);
    expect(() => encodeBinaryReply("1", "2", "t", long, none, utf8)).toThrow(/status has 256 bytes/);
    expect(() => encodeBinaryBroadcast("t", long, none, utf8)).toThrow(/event has 256 bytes/);
    expect(() => encodeBinaryPush("ä".repeat(127), "t", "e", none, utf8)).not.toThrow();
  });
});

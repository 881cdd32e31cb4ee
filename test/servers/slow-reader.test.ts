import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { Hostile } from "../support/hostile.js";
import { ask } from "../support/http.js";
import { RawWebSocket } from "../support/raw-websocket.js";
import { until } from "../support/wait.js";

const MIB = 1_048_576;
const FLOOD_MIB = 300;
const SLOW_READERS = 20;

/** A client that reads everything, and keeps only what it needs to tell whether it was all and in order. */
class QuickReader {
  readonly #socket: WebSocket;
  next = 0;
  disorder = 0;
  ended = false;
  code: number | undefined = undefined;

  constructor(port: number) {
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}/socket/websocket?vsn=2.0.0`);
    this.#socket.on("open", () => this.#socket.send('["1","1","room:flood","phx_join",{}]'));
    this.#socket.on("message", (data: Buffer) => this.#read(data));
    this.#socket.on("close", (code) => {
      this.code = code;
    });
  }

  #read(data: Buffer): void {
    // Its first bytes tell what a frame of the flood is; parsing 300 MiB would make a slow reader of this one.
    const [, number] =
      /^\[null,null,"room:flood","flood",\{"i":(\d+)/.exec(data.toString("latin1", 0, 60)) ?? [];
    if (number !== undefined) {
      if (Number(number) !== this.next) this.disorder += 1;
      this.next += 1;
      if (this.next % 8 === 0) this.#acknowledge(Number(number));
    } else if (data.toString("latin1").includes('"end"')) this.ended = true;
  }

  /** The flood is as fast as this reader. */
  #acknowledge(i: number): void {
    this.#socket.send(JSON.stringify(["1", null, "room:flood", "ack", { i }]));
  }

  close(): void {
    this.#socket.terminate();
  }
}

let hostile: Hostile;

async function slowReader(): Promise<RawWebSocket> {
  const raw = await RawWebSocket.open(hostile.port);
  raw.message("1", "1", "room:flood", "phx_join", {});
  await until(() => raw.messages.length === 1, "the join reply");
  raw.socket.pause();
  return raw;
}

async function flood(mib: number): Promise<{ readonly peakBytes: number }> {
  return JSON.parse((await ask(hostile.port, `/flood?mib=${mib}`)).body);
}

describe(`clients that do not read while ${FLOOD_MIB} MiB are broadcast to their room`, () => {
  beforeAll(async () => {
    hostile = await Hostile.start(async () => {});
  }, 60_000);

  afterAll(() => hostile.stop());

  it("are closed with 1013 and counted, memory stays flat, and the others get everything in order", async () => {
    // As much as the flood needs without any slow reader, the reader in this process included.
    const quick = new QuickReader(hostile.port);
    await until(async () => (await hostile.facts()).stats.channels === 2, "the quick reader to join");
    await flood(FLOOD_MIB / 3);
    await until(() => quick.ended, "the first flood", 60_000);
    const before = await hostile.facts();

    quick.next = 0;
    quick.ended = false;
    const slow = await Promise.all(Array.from({ length: SLOW_READERS }, slowReader));
    const { peakBytes } = await flood(FLOOD_MIB);
    await until(() => quick.ended, "the end of the flood", 60_000);
    expect(quick).toMatchObject({ next: FLOOD_MIB * 64, disorder: 0, code: undefined });

    const after = await hostile.facts();
    expect(after.stats.slow_readers_total).toBe(SLOW_READERS);
    expect(after.stats.channels, "the quick reader and the witness").toBe(2);
    // Each slow reader may hold its queue of 1 MiB twice: here, and joined for the system. The flood is 15 times
    // that, and 300 times for all of them.
    expect(peakBytes - before.rss).toBeLessThan(SLOW_READERS * 2 * MIB + 40 * MIB);

    const codes = await Promise.all(
      slow.map((raw) => {
        raw.socket.resume();
        return raw.ended();
      }),
    );
    // Those that had not read their goodbye when the server lost its patience were cut off.
    expect(codes.every((code) => code === 1013 || code === undefined)).toBe(true);
    quick.close();
    await hostile.expectNothingLeft(4 * MIB);
  });

  it("read their goodbye, 1013, after what was sent before it, when they come to read", async () => {
    const quick = new QuickReader(hostile.port);
    await until(async () => (await hostile.facts()).stats.channels === 2, "the quick reader to join");
    const raw = await slowReader();
    const flooded = flood(20);
    await until(async () => (await hostile.facts()).stats.channels === 2, "the slow reader to be told to go");
    raw.socket.resume();
    expect(await raw.ended()).toBe(1013);
    await flooded;
    const numbers = raw.messages
      .filter((message) => (message as unknown[])[3] === "flood")
      .map((message) => (message as [0, 0, 0, 0, { i: number }])[4].i);
    expect(numbers.length).toBeGreaterThan(0);
    expect(numbers).toEqual(Array.from(numbers, (_, i) => i));
    quick.close();
    await hostile.expectNothingLeft(4 * MIB);
  });
});

import { describe, expect, it } from "vitest";
import { EncodedFrame } from "../../src/runtime/frame.js";
import { Flusher, Outbox } from "../../src/runtime/outbox.js";
import { FakeSink } from "../support/fake-sink.js";
import { turn } from "../support/node.js";

function setUp(bytesMax = 1_000_000) {
  const sink = new FakeSink();
  const flusher = new Flusher();
  let overflows = 0;
  const outbox = new Outbox(sink, flusher, bytesMax, () => {
    overflows += 1;
  });
  return { sink, flusher, outbox, overflows: () => overflows };
}

const frame = (text: string) => EncodedFrame.ofText(text);
const bytes = (length: number, fill = "x") => EncodedFrame.ofText(fill.repeat(length));

describe("the frames of one turn", () => {
  it("leave in one write, in order, when the turn is over", async () => {
    const { sink, outbox } = setUp();
    for (const text of ["a", "b", "c"]) outbox.send(frame(text));
    expect(sink.writes).toEqual([]);
    await turn();
    expect(sink.writes).toEqual([["a", "b", "c"]]);
  });

  it("leave one write a turn", async () => {
    const { sink, outbox } = setUp();
    outbox.send(frame("a"));
    await turn();
    outbox.send(frame("b"));
    outbox.send(frame("c"));
    await turn();
    expect(sink.writes).toEqual([["a"], ["b", "c"]]);
  });

  it("leave in one turn for all connections, whoever came first", async () => {
    const one = setUp();
    const sink = new FakeSink();
    const other = new Outbox(sink, one.flusher, 1_000, () => {});
    one.outbox.send(frame("a"));
    other.send(frame("b"));
    await turn();
    expect([one.sink.writes, sink.writes]).toEqual([[["a"]], [["b"]]]);
  });

  it("leave early when they pass 64 KiB, without a second write at the end of the turn", async () => {
    const { sink, outbox } = setUp();
    outbox.send(bytes(60_000));
    outbox.send(bytes(6_000));
    expect(sink.writes.map((write) => write.length)).toEqual([2]);
    outbox.send(frame("last"));
    await turn();
    expect(sink.writes.slice(1)).toEqual([["last"]]);
  });

  it("that are sent while another connection is flushed leave in the turn after", async () => {
    const { sink, outbox, flusher } = setUp();
    const first = new FakeSink();
    first.write = () => {
      outbox.send(frame("late"));
      return true;
    };
    new Outbox(first, flusher, 1_000, () => {}).send(frame("a"));
    await turn();
    expect(sink.writes).toEqual([]);
    await turn();
    expect(sink.writes).toEqual([["late"]]);
  });
});

describe("a reader who is behind", () => {
  it("gets nothing more until the sink drains, then all of it in one write and in order", async () => {
    const { sink, outbox, overflows } = setUp();
    sink.full = true;
    outbox.send(frame("a"));
    await turn();
    outbox.send(frame("b"));
    await turn();
    outbox.send(frame("c"));
    await turn();
    expect(sink.writes).toEqual([["a"]]);
    sink.empty({ onDrain: () => outbox.drained() });
    expect(sink.writes).toEqual([["a"], ["b", "c"]]);
    expect(overflows()).toBe(0);
  });

  it("may let exactly the limit pile up, in the sink and here, and not a byte more", async () => {
    const { sink, outbox, overflows } = setUp(1_000);
    sink.full = true;
    outbox.send(bytes(400));
    await turn();
    outbox.send(bytes(600));
    expect(overflows()).toBe(0);
    outbox.send(bytes(1));
    expect(overflows()).toBe(1);
  });

  it("is reported once, and gets nothing any more", async () => {
    const { sink, outbox, overflows } = setUp(100);
    sink.full = true;
    for (let i = 0; i < 10; i++) {
      outbox.send(bytes(60));
      await turn();
    }
    expect(overflows()).toBe(1);
    sink.empty({ onDrain: () => outbox.drained() });
    outbox.send(frame("late"));
    await turn();
    expect(sink.writes).toHaveLength(1);
  });

  it("is not blamed for frames of one turn that the sink takes", async () => {
    const { sink, outbox, overflows } = setUp(100_000);
    for (let i = 0; i < 100; i++) outbox.send(bytes(10_000));
    await turn();
    expect(sink.frames).toHaveLength(100);
    expect(overflows()).toBe(0);
  });

  it("counts frames by their bytes, not their characters", async () => {
    const { sink, outbox, overflows } = setUp(100);
    sink.full = true;
    outbox.send(frame("a"));
    await turn();
    outbox.send(bytes(33, "€"));
    expect(overflows()).toBe(0);
    outbox.send(frame("€"));
    expect(overflows()).toBe(1);
  });
});

describe("one frame larger than the limit", () => {
  it("goes to an empty queue, and what follows it has the usual room", async () => {
    const { sink, outbox, overflows } = setUp(1_000);
    sink.full = true;
    outbox.send(bytes(5_000));
    await turn();
    outbox.send(bytes(1_000));
    await turn();
    expect(overflows()).toBe(0);
    outbox.send(frame("x"));
    expect(overflows()).toBe(1);
  });

  it("gives what follows it no more than the usual room while the sink takes it in pieces", async () => {
    const { sink, outbox, overflows } = setUp(1_000);
    sink.full = true;
    outbox.send(bytes(5_000));
    await turn();
    sink.queuedBytes = 2_000;
    outbox.send(bytes(1_001));
    expect(overflows()).toBe(1);
  });

  it("does not go to a queue where something waits", async () => {
    const { sink, outbox, overflows } = setUp(1_000);
    sink.full = true;
    outbox.send(frame("first"));
    await turn();
    outbox.send(bytes(5_000));
    expect(overflows()).toBe(1);
  });
});

describe("the goodbye", () => {
  it("comes after everything sent before, also of this turn", () => {
    const { sink, outbox } = setUp();
    outbox.send(frame("a"));
    outbox.send(frame("b"));
    outbox.close(1012, "draining");
    expect(sink.writes).toEqual([["a", "b"]]);
    expect(sink.closing).toEqual({ code: 1012, reason: "draining" });
  });

  it("comes after what a reader who is behind has still to get", async () => {
    const { sink, outbox } = setUp();
    sink.full = true;
    outbox.send(frame("a"));
    await turn();
    outbox.send(frame("b"));
    outbox.close(1001, "");
    expect(sink.frames).toEqual(["a", "b"]);
    expect(sink.closing?.code).toBe(1001);
  });

  it("is said once, and nothing goes out after it", async () => {
    const { sink, outbox } = setUp();
    outbox.close(1001, "first");
    outbox.close(1012, "second");
    outbox.send(frame("late"));
    outbox.drained();
    outbox.flush();
    await turn();
    expect(sink.writes).toEqual([]);
    expect(sink.closing?.reason).toBe("first");
  });

  it("of a lost connection is silence", async () => {
    const { sink, outbox } = setUp();
    outbox.send(frame("a"));
    outbox.discard();
    await turn();
    outbox.drained();
    outbox.close(1001, "");
    expect(sink.writes).toEqual([]);
    expect(sink.closing).toBeUndefined();
  });
});

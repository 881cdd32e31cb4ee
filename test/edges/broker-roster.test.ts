import { describe, expect, it } from "vitest";
import { brokerNode } from "../support/broker-node.js";

const start = () => brokerNode().started();

describe("nodes at a broker tell each other that they are there", () => {
  it("says hello when it comes, that it is there from time to time, and goodbye", async () => {
    const { engine, driver, advance, announced } = await start();
    await advance(2_000);
    await engine.stop();
    expect(driver.last.published.map(({ name }) => name)).toEqual(Array(4).fill("simurgh.n"));
    expect(announced().map((one) => one.split(" ")[0])).toEqual(["hello", "here", "here", "leave"]);
  });

  it("answers a hello to the one who said it, alone", async () => {
    const { announce, announced } = await start();
    announce("hello", "n 2");
    announce("here", "n3");
    expect(announced().slice(1)).toEqual(["here simurgh.n.n=00202"]);
  });

  it("lists who is there, and tells who comes and goes, each once", async () => {
    const { engine, announce, happened, events } = await start();
    for (const kind of ["hello", "here", "here"]) announce(kind, "n2");
    announce("here", "n3");
    announce("leave", "n2");
    announce("leave", "n2");
    expect(engine.nodes()).toEqual(["n3"]);
    expect(happened()).toEqual(["node_up n2", "node_up n3", "node_down n2"]);
    expect(events.at(-1)).toMatchObject({ reason: "left" });
  });

  it("takes who is silent for gone, and who has another life for restarted", async () => {
    const { engine, announce, advance, events } = await start();
    announce("here", "n2");
    announce("here", "n3");
    announce("here", "n3", "l2");
    announce("leave", "n3", "l1");
    for (let i = 0; i < 5; i++) {
      await advance(1_000);
      announce("here", "n3", "l2");
    }
    expect(engine.nodes()).toEqual(["n3"]);
    expect(events.filter(({ type }) => type === "node_down")).toEqual([
      { type: "node_down", node: "n3", reason: "restarted" },
      { type: "node_down", node: "n2", reason: "silent" },
    ]);
  });

  it("reaches nobody while the broker is away, and asks again when it is back", async () => {
    const { engine, driver, announce, announced, advance, happened } = await start();
    announce("here", "n2");
    driver.last.lose("killed");
    expect(engine.nodes()).toEqual([]);
    await advance(100);
    expect(announced()).toEqual(["hello simurgh.n"]);
    announce("here", "n2");
    expect(happened()).toEqual(["node_up n2", "engine_down", "node_down n2", "engine_up", "node_up n2"]);
  });

  it("complains once of another life with its own name, not of its own past", async () => {
    const { announce, lines, stat, happened } = await start();
    announce("leave", "n1", "past");
    expect(stat("duplicate_names")).toBe(0);
    for (let i = 0; i < 3; i++) announce("here", "n1", "other");
    expect([stat("duplicate_names"), lines.length, happened()]).toEqual([3, 1, []]);
  });

  it.each([
    ["text", "hello"],
    ["null", "null"],
    ["an unknown kind", '{"kind":"bye","node":"n2","life":"l"}'],
    ["no name", '{"kind":"here","life":"l"}'],
    ["too much", `{"kind":"here","node":"${"x".repeat(2_048)}","life":"l"}`],
    ["bytes", "\xff\xfe"],
  ])("counts %s, and goes on", async (_what, text) => {
    const { driver, engine, stat } = await start();
    driver.last.deliver("simurgh.n", Buffer.from(text, "latin1"));
    driver.last.deliver("simurgh.n.n1", Buffer.from(text, "latin1"));
    expect([stat("messages_malformed"), engine.nodes()]).toEqual([2, []]);
  });
});

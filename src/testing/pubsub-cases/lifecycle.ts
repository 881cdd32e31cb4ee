import { SimurghError } from "../../runtime/errors.js";
import type { ContractCase } from "../contract-case.js";
import { check, checkSame } from "../contract-case.js";
import type { PubSubCapability, PubSubEnv, PubSubNode } from "../pubsub-env.js";

type Case = ContractCase<PubSubEnv, PubSubCapability>;

const stopsTwice: Case = {
  name: "stops twice without harm",
  needs: [],
  async run({ createCluster }) {
    const [only] = (await createCluster(1)).nodes as [PubSubNode]; // as many as were asked for
    await Promise.all([only.adapter.stop(), only.adapter.stop()]);
    await only.adapter.stop();
  },
};

const quietAfterStop: Case = {
  name: "takes calls after stop without harm: they do nothing, or throw a SimurghError",
  needs: [],
  async run({ createCluster }) {
    const [only] = (await createCluster(1)).nodes as [PubSubNode]; // as many as were asked for
    await only.subscribe("room:stopped");
    await only.adapter.stop();
    for (const call of [
      () => only.say("room:stopped", "late"),
      () => only.adapter.unsubscribe("room:stopped"),
    ]) {
      try {
        call();
      } catch (error) {
        check(error instanceof SimurghError, `threw ${String(error)}`);
      }
    }
    await only.subscribe("room:stopped");
    checkSame(only.adapter.nodes(), [], "nodes after stop");
  },
};

const health: Case = {
  name: "is healthy from start to stop",
  needs: ["health"],
  async run({ createCluster }) {
    const [only] = (await createCluster(1)).nodes as [PubSubNode]; // as many as were asked for
    check(only.adapter.healthy, "not healthy after start");
    await only.adapter.stop();
    check(!only.adapter.healthy, "healthy after stop");
  },
};

const statsAreNumbers: Case = {
  name: "counts in flat numbers named in snake_case",
  needs: [],
  async run({ createCluster, engine }) {
    const [only] = (await createCluster(1)).nodes as [PubSubNode]; // as many as were asked for
    only.say("room:counted", "one");
    checkSame(only.adapter.engine, engine.engine, "name of the engine");
    for (const [name, value] of Object.entries(only.adapter.stats())) {
      check(/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(name), `${name} is not in snake_case`);
      check(Number.isFinite(value), `${name} is ${value}`);
    }
  },
};

const membership: Case = {
  name: "lists the nodes that are reachable, and reports who comes and who leaves",
  needs: ["several_nodes", "membership"],
  async run({ createCluster, until }) {
    const { nodes } = await createCluster(3);
    const [a, b, c] = nodes as [PubSubNode, PubSubNode, PubSubNode]; // as many as were asked for
    for (const node of nodes) {
      const others = nodes.filter((other) => other !== node).map(({ name }) => name);
      checkSame([...node.adapter.nodes()].sort(), others, `nodes of ${node.name}`);
      const up = node.events.filter(({ type }) => type === "node_up");
      checkSame(up.length, others.length, `nodes that came up for ${node.name}`);
    }
    await c.adapter.stop();
    const gone = (node: PubSubNode) =>
      node.events.some((event) => event.type === "node_down" && event.node === c.name);
    await until(() => gone(a) && gone(b), "both hear of the leaving");
    checkSame(a.adapter.nodes(), [b.name], "nodes of the first");
    checkSame(b.adapter.nodes(), [a.name], "nodes of the second");
  },
};

const survivors: Case = {
  name: "goes on between the others when a node stops",
  needs: ["several_nodes"],
  async run({ createCluster, until, breathe }) {
    const [a, b, c] = (await createCluster(3)).nodes as [PubSubNode, PubSubNode, PubSubNode]; // as asked for
    await Promise.all([b.subscribe("room:on"), c.subscribe("room:on")]);
    const stopping = c.adapter.stop();
    for (let i = 0; i < 200; i++) {
      a.say("room:on", `${i}`);
      if (i % 10 === 9) await breathe();
    }
    await stopping;
    a.say("room:on", "end");
    await until(() => b.heard("room:on").includes("end"), "the survivor hears on");
    const expected = [...Array.from({ length: 200 }, (_, i) => `${i}`), "end"];
    checkSame(b.heard("room:on"), expected, "heard by the survivor");
  },
};

/** Start, stop, health, who is there. */
export const lifecycleCases: readonly Case[] = [
  stopsTwice,
  quietAfterStop,
  health,
  statsAreNumbers,
  membership,
  survivors,
];

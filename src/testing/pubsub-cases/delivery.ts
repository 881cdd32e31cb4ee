import type { ContractCase } from "../contract-case.js";
import { check, checkSame } from "../contract-case.js";
import type { PubSubCapability, PubSubEnv, PubSubNode } from "../pubsub-env.js";

type Case = ContractCase<PubSubEnv, PubSubCapability>;

const reachesAll: Case = {
  name: "delivers to every other node that is subscribed",
  needs: ["several_nodes"],
  async run({ createCluster, until }) {
    const { nodes } = await createCluster(4);
    await Promise.all(nodes.map((node) => node.subscribe("room:all")));
    for (const node of nodes) node.say("room:all", node.name);
    const others = (node: PubSubNode) => nodes.filter((other) => other !== node).map(({ name }) => name);
    await until(() => nodes.every((node) => node.heard("room:all").length >= 3), "three messages each");
    for (const node of nodes) checkSame(node.heard("room:all").sort(), others(node), `heard by ${node.name}`);
  },
};

const notToItself: Case = {
  name: "never delivers a message to the node that published it",
  needs: ["several_nodes"],
  async run({ createCluster, until, breathe }) {
    const [a, b] = (await createCluster(2)).nodes as [PubSubNode, PubSubNode]; // as many as were asked for
    await Promise.all([a.subscribe("room:own"), b.subscribe("room:own")]);
    for (let i = 0; i < 50; i++) a.say("room:own", `own ${i}`);
    await until(() => b.heard("room:own").length >= 50, "the other node hears");
    b.say("room:own", "answer");
    await until(() => a.heard("room:own").includes("answer"), "the answer");
    await breathe();
    checkSame(a.heard("room:own"), ["answer"], "heard by the publisher");
  },
};

const aloneIsSilent: Case = {
  name: "delivers nothing on a node without others",
  needs: [],
  async run({ createCluster, breathe }) {
    const [only] = (await createCluster(1)).nodes as [PubSubNode]; // as many as were asked for
    await only.subscribe("room:alone");
    for (let i = 0; i < 20; i++) only.say("room:alone", "echo?");
    for (let i = 0; i < 20; i++) await breathe();
    checkSame(only.deliveries.length, 0, "deliveries");
  },
};

const notToOthers: Case = {
  name: "does not deliver to nodes or topics without subscribers",
  needs: ["several_nodes"],
  async run({ createCluster, until }) {
    const [a, b, c] = (await createCluster(3)).nodes as [PubSubNode, PubSubNode, PubSubNode]; // as asked for
    await Promise.all([b.subscribe("room:x"), c.subscribe("room:y")]);
    for (let i = 0; i < 50; i++) {
      a.say("room:x", `x${i}`);
      a.say("room:z", `z${i}`);
      a.say("room:y", `y${i}`);
    }
    await until(() => b.heard("room:x").length >= 50 && c.heard("room:y").length >= 50, "both hear");
    check(
      b.deliveries.every(({ topic }) => topic === "room:x"),
      "a node got a topic that it did not subscribe",
    );
    check(
      c.deliveries.every(({ topic }) => topic === "room:y"),
      "a node got a topic that it did not subscribe",
    );
  },
};

const inOrder: Case = {
  name: "keeps the order of each publisher",
  needs: ["several_nodes"],
  async run({ createCluster, until, breathe }) {
    const [a, b, c] = (await createCluster(3)).nodes as [PubSubNode, PubSubNode, PubSubNode]; // as asked for
    await c.subscribe("room:order");
    const perPublisher = 3_000;
    for (let i = 0; i < perPublisher; i++) {
      a.say("room:order", `a ${i}`);
      b.say("room:order", `b ${i}`);
      if (i % 100 === 99) await breathe();
    }
    await until(() => c.deliveries.length >= 2 * perPublisher, "all messages");
    const heard = c.heard("room:order");
    for (const publisher of ["a", "b"]) {
      const numbers = heard.filter((text) => text.startsWith(publisher)).map((text) => Number(text.slice(2)));
      const misplaced = numbers.findIndex((number, i) => number !== i);
      check(misplaced < 0, `message ${numbers[misplaced]} of ${publisher} came in place ${misplaced}`);
    }
  },
};

const exactlyOnce: Case = {
  name: "delivers exactly once while all is stable: 10,000 messages over five nodes",
  needs: ["several_nodes"],
  async run({ createCluster, until, breathe }) {
    const { nodes } = await createCluster(5);
    await Promise.all(nodes.map((node) => node.subscribe("room:count")));
    const perNode = 2_000;
    for (let i = 0; i < perNode; i++) {
      for (const node of nodes) node.say("room:count", `${node.name} ${i}`);
      if (i % 50 === 49) await breathe();
    }
    const expected = perNode * (nodes.length - 1);
    await until(() => nodes.every((node) => node.deliveries.length >= expected), `${expected} messages each`);
    await breathe();
    for (const node of nodes) {
      const heard = node.heard("room:count");
      checkSame(heard.length, expected, `messages delivered to ${node.name}`);
      checkSame(new Set(heard).size, expected, `different messages delivered to ${node.name}`);
    }
  },
};

/** Who gets what, in which order, how often. */
export const deliveryCases: readonly Case[] = [
  reachesAll,
  notToItself,
  aloneIsSilent,
  notToOthers,
  inOrder,
  exactlyOnce,
];

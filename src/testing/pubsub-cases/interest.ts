import type { ContractCase } from "../contract-case.js";
import { check, checkSame } from "../contract-case.js";
import type { PubSubCapability, PubSubEnv, PubSubNode } from "../pubsub-env.js";

type Case = ContractCase<PubSubEnv, PubSubCapability>;

const subscribeCounts: Case = {
  name: "reaches a node from the moment that its subscribe has resolved, every time",
  needs: ["several_nodes"],
  async run({ createCluster, until }) {
    const { nodes } = await createCluster(3);
    const rounds = 200;
    for (let i = 0; i < rounds; i++) {
      const [subscriber, publisher] = [nodes[i % 3], nodes[(i + 1) % 3]] as [PubSubNode, PubSubNode]; // of three
      await subscriber.subscribe(`room:${i}`);
      publisher.say(`room:${i}`, "first");
    }
    const total = () => nodes.reduce((sum, node) => sum + node.deliveries.length, 0);
    await until(() => total() >= rounds, `${rounds} first messages`);
    checkSame(total(), rounds, "messages delivered");
  },
};

const manyAtOnce: Case = {
  name: "subscribes many topics at once, and each of them counts",
  needs: ["several_nodes"],
  async run({ createCluster, until }) {
    const [a, b] = (await createCluster(2)).nodes as [PubSubNode, PubSubNode]; // as many as were asked for
    const topics = Array.from({ length: 1_000 }, (_, i) => `room:many:${i}`);
    await Promise.all(topics.map((topic) => b.subscribe(topic)));
    for (const topic of topics) a.say(topic, topic);
    await until(() => b.deliveries.length >= topics.length, "one message for each topic");
    for (const topic of topics) checkSame(b.heard(topic), [topic], `heard on ${topic}`);
  },
};

/** Says numbered messages, each followed by a fence, until one fence arrives without its message. */
async function sayUntilSilent(a: PubSubNode, b: PubSubNode, until: PubSubEnv["until"]): Promise<number> {
  for (let i = 0; i < 1_000; i++) {
    a.say("room:gone", `${i}`);
    a.say("room:fence", `${i}`);
    await until(() => b.heard("room:fence").includes(`${i}`), "the fence");
    if (!b.heard("room:gone").includes(`${i}`)) return i;
  }
  check(false, "messages still come after unsubscribe");
}

const unsubscribeStops: Case = {
  name: "stops delivering after unsubscribe",
  needs: ["several_nodes"],
  async run({ createCluster, until }) {
    const [a, b] = (await createCluster(2)).nodes as [PubSubNode, PubSubNode]; // as many as were asked for
    await Promise.all([b.subscribe("room:gone"), b.subscribe("room:fence")]);
    b.adapter.unsubscribe("room:gone");
    await sayUntilSilent(a, b, until);
    const before = b.heard("room:gone").length;
    for (let i = 0; i < 50; i++) a.say("room:gone", "late");
    a.say("room:fence", "end");
    await until(() => b.heard("room:fence").includes("end"), "the last fence");
    checkSame(b.heard("room:gone").length, before, "messages after silence");
  },
};

const resubscribe: Case = {
  name: "delivers again, and once, after unsubscribe and subscribe",
  needs: ["several_nodes"],
  async run({ createCluster, until }) {
    const [a, b] = (await createCluster(2)).nodes as [PubSubNode, PubSubNode]; // as many as were asked for
    for (let i = 0; i < 50; i++) {
      await b.subscribe("room:again");
      a.say("room:again", `${i}`);
      await until(() => b.heard("room:again").length > i, `message ${i}`);
      b.adapter.unsubscribe("room:again");
      // The quickest change of mind: nothing of the first may undo the second.
      if (i % 2 === 0) {
        await b.subscribe("room:again");
        b.adapter.unsubscribe("room:again");
      }
    }
    checkSame(
      b.heard("room:again"),
      Array.from({ length: 50 }, (_, i) => `${i}`),
      "heard",
    );
  },
};

const joinsLater: Case = {
  name: "lets a node that joins later hear and be heard, without loss between the others",
  needs: ["several_nodes"],
  async run({ createCluster, until, breathe }) {
    const cluster = await createCluster(2);
    const [a, b] = cluster.nodes as [PubSubNode, PubSubNode]; // as many as were asked for
    await Promise.all([a.subscribe("room:join"), b.subscribe("room:join")]);
    let joined: PubSubNode | undefined;
    const joining = cluster.join().then((node) => {
      joined = node;
    });
    let said = 0;
    while (joined === undefined || said < 200) {
      a.say("room:join", `${said}`);
      said += 1;
      await breathe();
    }
    await joining;
    await joined.subscribe("room:join");
    a.say("room:join", "welcome");
    joined.say("room:join", "thanks");
    await until(() => joined?.heard("room:join").includes("welcome") === true, "the new node hears");
    await until(() => a.heard("room:join").includes("thanks"), "the new node is heard");
    await until(() => b.heard("room:join").includes("thanks"), "the new node is heard by all");
    const numbers = b.heard("room:join").filter((text) => /^\d+$/.test(text));
    checkSame(
      numbers,
      Array.from({ length: said }, (_, i) => `${i}`),
      "heard by the old node",
    );
  },
};

const settlesAlone: Case = {
  name: "settles subscribe although there is nobody to tell",
  needs: [],
  async run({ createCluster }) {
    const [only] = (await createCluster(1)).nodes as [PubSubNode]; // as many as were asked for
    await only.subscribe("room:alone");
    only.adapter.unsubscribe("room:alone");
    only.adapter.unsubscribe("room:never");
    await only.subscribe("room:alone");
  },
};

/** Who hears of which subscription, when. */
export const interestCases: readonly Case[] = [
  subscribeCounts,
  manyAtOnce,
  unsubscribeStops,
  resubscribe,
  joinsLater,
  settlesAlone,
];

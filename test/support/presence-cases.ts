import { type Channel, Presence as OfficialPresence } from "phoenix";
import type { PubSubEngineUnderTest } from "simurgh/testing";
import { untilPresence } from "simurgh/testing";
import { afterEach, expect, it } from "vitest";
import { presence } from "../../src/runtime/presence/presence.js";
import type { Presence, PresenceSetup } from "../../src/runtime/presence/presence-types.js";
import { ok } from "../../src/runtime/result.js";
import { socket } from "../../src/runtime/socket-definition.js";
import { answerOf, useOfficialClients } from "./chat-client.js";
import { type Listening, useEndpoints } from "./endpoints.js";
import { until } from "./wait.js";

/** What is tracked in these cases. */
type Meta = { readonly at: number };

/** Long enough that only a goodbye explains why nobody is seen any more. */
const never = 600_000;

/** A client of one node, as the official `Presence` sees its room. */
export interface PresenceClient {
  readonly channel: Channel;
  readonly presence: OfficialPresence;
  /** Every change that it was told: `+key` and `-key`; in brackets what was there before, or is still. */
  readonly changes: string[];
  keys(): string[];
  hangUp(): void;
}

/** Nodes with an engine between them, all of which run one presence, and clients for them. */
export interface PresenceWorld {
  readonly people: Presence<Meta>;
  readonly nodes: readonly Listening[];
  /** The endpoints, for `untilPresence`. */
  readonly endpoints: readonly object[];
  /** Joins `room:<name>` on a node; tracks the key when one is given. */
  enter(node: number, key?: string, room?: string): Promise<PresenceClient>;
  /** Starts another node. */
  grow(): Promise<Listening>;
}

function routesFor(people: Presence<Meta>) {
  const users = socket();
  const room = users.channel({
    join: () => ok(),
    afterJoin(ch, params) {
      const { key } = params as { key?: string };
      if (key !== undefined) people.track(ch, key, { at: 1 });
      people.pushState(ch);
    },
    in: {
      update(ch, payload) {
        const { key, at } = payload as { key: string; at: number };
        people.update(ch, key, { at });
        return ok();
      },
      track(ch, payload) {
        const { keys, text } = payload as { keys: string[]; text: string };
        return ok(keys.map((key) => people.track(ch, key, { at: 1, text } as Meta).ok));
      },
    },
  });
  return users.routes({ "room:*": room });
}

/** Starts clusters for {@link presenceCases}, and for whatever only one engine can do. To be called within `describe`. */
export function usePresenceWorlds(engine: Pick<PubSubEngineUnderTest, "createCluster">) {
  const start = useEndpoints();
  const connect = useOfficialClients();
  const disposals: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const dispose of disposals.splice(0)) await dispose();
  });

  return async (count: number, options: PresenceSetup<Meta, object> = {}): Promise<PresenceWorld> => {
    const people = presence<Meta>(options);
    const cluster = await engine.createCluster();
    disposals.push(() => cluster.dispose());
    const adapters: ReturnType<typeof cluster.createAdapter>[] = [];
    const nodes: Listening[] = [];
    const grow = async () => {
      const pubsub = cluster.createAdapter();
      const name = `n${nodes.length + 1}@test`;
      const node = await start({
        sockets: { "/socket": routesFor(people) },
        pubsub,
        name,
        presence: people,
      });
      await cluster.introduce(pubsub, adapters);
      adapters.push(pubsub);
      nodes.push(node);
      return node;
    };
    while (nodes.length < count) await grow();
    const enter = async (node: number, key?: string, room = "lobby"): Promise<PresenceClient> => {
      const socket = await connect(nodes[node % nodes.length]?.port ?? 0);
      const channel = socket.channel(`room:${room}`, key === undefined ? {} : { key });
      const presence = new OfficialPresence(channel);
      const changes: string[] = [];
      const metasOf = (entry: { metas: unknown[] } | undefined) => entry?.metas.length ?? 0;
      presence.onJoin((name, before) => changes.push(`+${name}(${metasOf(before)})`));
      presence.onLeave((name, left) => changes.push(`-${name}(${metasOf(left)})`));
      expect((await answerOf(channel.join())).status).toBe("ok");
      const keys = () => presence.list((name) => name).sort();
      return { channel, presence, changes, keys, hangUp: () => socket.disconnect() };
    };
    return { people, nodes, endpoints: nodes.map(({ endpoint }) => endpoint), enter, grow };
  };
}

const untilAll = (clients: readonly PresenceClient[], keys: readonly string[]) =>
  until(
    () => {
      for (const client of clients) expect(client.keys()).toEqual(keys);
      return true;
    },
    `all clients see ${keys}`,
    20_000,
  );

/** What presence does on `count` nodes, whatever the engine between them. To be called within `describe`. */
export function presenceCases(engine: Pick<PubSubEngineUnderTest, "createCluster">, count = 3): void {
  const world = usePresenceWorlds(engine);

  it("shows the official clients of all nodes who is there, one update, and who left", async () => {
    const { enter } = await world(count);
    const clients = [await enter(0, "ann"), await enter(1, "bob"), await enter(2, "ann")];
    const [ann, bob, twin] = clients as [PresenceClient, PresenceClient, PresenceClient];
    await untilAll(clients, ["ann", "bob"]);
    const metas = (client: PresenceClient, key: string) =>
      client.presence.list((name, { metas }) => (name === key ? metas : [])).flat();
    await until(() => clients.every((client) => metas(client, "ann").length === 2), "both sessions");
    for (const { changes } of clients) changes.length = 0;
    const before = metas(bob, "bob")[0];
    expect((await answerOf(bob.channel.push("update", { key: "bob", at: 2 }))).status).toBe("ok");
    await until(() => clients.every((client) => metas(client, "bob")[0]?.at === 2), "the update");
    for (const client of clients) {
      expect(metas(client, "bob")).toEqual([
        { at: 2, phx_ref: expect.stringMatching(/^[\w-]{16}$/), phx_ref_prev: before?.phx_ref },
      ]);
      // What it had joins the new meta, and then the old one leaves: the key never went.
      expect(client.changes).toEqual(["+bob(1)", "-bob(1)"]);
    }
    twin.channel.leave();
    bob.hangUp();
    await untilAll([ann], ["ann"]);
    await until(() => metas(ann, "ann").length === 1, "one session");
  });

  it("agrees everywhere on lists, pages and counts, also on a node that starts later", async () => {
    const { people, nodes, enter, grow } = await world(count, {
      presencesPerOwnerMax: 1_000,
      messageBytesMax: 16_384,
    });
    const text = "x".repeat(100);
    const sizes = await Promise.all(
      nodes.map(async (_node, index) => {
        const keys = Array.from({ length: 200 }, (_, i) => `${index}-${i}`);
        const { channel } = await enter(index, undefined, "big");
        expect(await answerOf(channel.push("track", { keys, text }))).toMatchObject({ status: "ok" });
        return keys.length;
      }),
    );
    if (count > 1) await grow();
    const keys = sizes.reduce((sum, size) => sum + size, 0);
    for (const { endpoint } of nodes) {
      await until(() => people.at(endpoint).count("room:big").keys === keys, "everybody is known", 20_000);
    }
    const pagesOf = (endpoint: object) => {
      const found: string[] = [];
      for (let after: string | undefined = ""; after !== undefined; ) {
        const page = people.at(endpoint).page("room:big", { after, limit: 70 });
        found.push(...Object.keys(page.presences));
        expect(page.count).toEqual({ keys, metas: keys });
        after = page.next;
      }
      return found;
    };
    const lists = nodes.map(({ endpoint }) => Object.keys(people.at(endpoint).list("room:big")).sort());
    for (const [index, { endpoint }] of nodes.entries()) {
      expect(lists[index]).toEqual(lists[0]);
      expect(pagesOf(endpoint)).toEqual(lists[0]);
    }
  });

  it("makes one update of a client whose node stops, when it is on another one within graceMs", async () => {
    const { people, nodes, enter } = await world(count, { topics: { "room:*": { graceMs: 20_000 } } });
    const watcher = await enter(0);
    const before = await enter(1, "ann");
    await untilAll([watcher], ["ann"]);
    // As in a rolling deploy, where there is another node to go to.
    if (count > 1) await nodes[1]?.endpoint.stop();
    before.hangUp();
    const rest = nodes.filter((_node, index) => count === 1 || index !== 1);
    for (const { endpoint } of rest) await untilPresence(people, endpoint, "room:lobby", []);
    await enter(2, "ann");
    await until(() => watcher.changes.length >= 3, "the move");
    expect(watcher.changes).toEqual(["+ann(0)", "+ann(1)", "-ann(1)"]);
  });

  if (count > 1) stopCase(() => world(count, { lostPeriodMs: never }));
}

function stopCase(world: () => Promise<PresenceWorld>): void {
  it("drops the people of a node that stops at once, and shows them again when they are elsewhere", async () => {
    const { people, nodes, endpoints, enter } = await world();
    const watcher = await enter(0);
    const mover = await enter(1, "ann");
    await untilAll([watcher], ["ann"]);
    mover.hangUp();
    await enter(1, "bob");
    await nodes[1]?.endpoint.stop();
    const rest = endpoints.filter((_endpoint, index) => index !== 1);
    await untilPresence(people, rest, "room:lobby", []);
    await enter(2, "bob");
    await untilPresence(people, rest, "room:lobby", ["bob"]);
  });
}

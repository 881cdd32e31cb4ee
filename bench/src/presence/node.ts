import { createEndpoint, lineLogger, mesh, ok, type PresenceChannel, presence, socket } from "simurgh";
import { serve, usage } from "../process.js";
import { CROWDED, META, MODES, type Mode, ROOM, seen, sharedMs } from "./protocol.js";

/** Calls that one figure is the mean of. */
const CALLS = { constant: 200_000, page: 2_000, list: 5 } as const;

const presenceIn = (mode: Mode) => presence<typeof META>({ topics: { "room:*": MODES[mode] } });

let people: ReturnType<typeof presenceIn> | undefined;
let meshed: ReturnType<typeof mesh> | undefined;
let others: () => number = () => 0;
/** When the last presence of a client of this node was tracked. */
let lastMs = 0;

function presences(): ReturnType<typeof presenceIn> {
  if (people === undefined) throw new Error("the node has not started");
  return people;
}

function track(ch: PresenceChannel, topic: string, key: string): void {
  const tracked = presences().track(ch, topic, key, META);
  if (!tracked.ok) throw new Error(`${key} was not tracked: ${tracked.reason}`);
  lastMs = sharedMs();
}

/** A client sits in a channel of its own, from where it is tracked in the room; observers sit in the room itself. */
async function start(mode: Mode, name: string): Promise<{ port: number; address: string }> {
  const started = presenceIn(mode);
  people = started;
  const users = socket();
  const seat = users.channel({
    join: () => ok(),
    in: {
      come: (ch, payload) => {
        track(ch, ROOM, String((payload as { key?: unknown }).key)); // Sent by our own bench.
        return ok();
      },
      crowd: (ch, payload) => {
        const { from, count } = payload as { from: number; count: number }; // As above.
        for (let i = from; i < from + count; i++) track(ch, CROWDED, `user:${i}`);
        return ok();
      },
    },
  });
  const room = users.channel({ join: () => ok(), afterJoin: (ch) => presences().pushState(ch) });
  meshed = mesh({ secret: "the secret of a bench" });
  const endpoint = createEndpoint({
    name,
    sockets: {
      "/socket": {
        socket: users.routes({ "seat:*": seat, "room:*": room }),
        websocket: { timeoutMs: 3_600_000 },
        limits: { channelsMax: 2_000 },
      },
    },
    presence: started,
    pubsub: meshed,
    logger: lineLogger({ level: "warn", fields: { node: name } }),
  });
  const { port } = await endpoint.listen({ port: 0, host: "127.0.0.1" });
  others = () => meshed?.nodes().length ?? 0;
  const { address } = meshed;
  return { port, address: address === undefined ? "" : `${address.host}:${address.port}` };
}

/** Microseconds of CPU for one call, so that whatever else runs on the machine counts little. */
function costUs(calls: number, call: (i: number) => unknown): number {
  for (let i = 0; i < Math.min(calls, 1_000); i++) call(i); // So that the compiler is done.
  globalThis.gc?.();
  const from = process.cpuUsage();
  for (let i = 0; i < calls; i++) call(i);
  const { user, system } = process.cpuUsage(from);
  return (user + system) / calls;
}

/** What reading the crowded room costs, microseconds of CPU a call. */
function readingUs(): Record<string, number> {
  const people = presences();
  const { keys } = people.count(CROWDED);
  people.page(CROWDED); // The first page sorts the keys, once.
  return {
    count: costUs(CALLS.constant, () => people.count(CROWDED)),
    getByKey: costUs(CALLS.constant, (i) => people.getByKey(CROWDED, `user:${(i * 7_919) % keys}`)),
    page: costUs(CALLS.page, (i) => people.page(CROWDED, { after: `user:${(i * 7_919) % keys}` })),
    list: costUs(CALLS.list, () => people.list(CROWDED)),
  };
}

serve((request) => {
  switch (request.ask) {
    case "start":
      return start(request.mode as Mode, String(request.name)); // Sent by our own bench.
    case "connect":
      for (const address of String(request.addresses).split(",")) {
        if (address !== "") meshed?.connect(address);
      }
      return undefined;
    case "meet":
      return seen(() => others() === Number(request.others), "the nodes know each other");
    case "present":
      return seen(() => presences().count(ROOM).keys === Number(request.keys), `${request.keys} present`);
    case "last":
      return lastMs;
    case "reading":
      return readingUs();
    case "usage":
      return usage();
    default:
      throw new Error(`unknown request ${JSON.stringify(request)}`);
  }
});

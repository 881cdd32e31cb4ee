/** Programs that must compile, and programs that must not. `tsc -p test/tsconfig.json` is their runner. */
import { expectTypeOf } from "vitest";
import { createEndpoint, ok, type Presence, type Presences, presence, socket } from "../../src/index.js";

type Meta = { device: "phone" | "desktop"; typing?: boolean };

// What is made without further options has the type that one would write down for it.
const people: Presence<Meta> = presence<Meta>();
const slow = presence<Meta, { name: string }>({
  fetch: async (_topic, presences) => {
    const entries = Object.entries(presences);
    return Object.fromEntries(entries.map(([key, entry]) => [key, { ...entry, name: key }]));
  },
});

const room = socket().channel({
  join: () => ok(),
  afterJoin(ch) {
    const result = people.track(ch, "ann", { device: "phone" });
    if (!result.ok) expectTypeOf(result.reason).toExtend<string>();
    people.update(ch, "ann", (meta) => {
      expectTypeOf(meta.device).toEqualTypeOf<"phone" | "desktop">();
      expectTypeOf(meta.phx_ref).toEqualTypeOf<string>();
      return { ...meta, typing: true };
    });
    // @ts-expect-error: not a device
    people.track(ch, "ann", { device: "fridge" });
    // @ts-expect-error: a meta is an object
    people.track(ch, "ann", "phone");
    // @ts-expect-error: keys are texts
    people.track(ch, 7, { device: "phone" });
    expectTypeOf(people.list(ch)).toEqualTypeOf<Presences<Meta>>();
    expectTypeOf(people.getByKey(ch, "ann")?.metas[0]?.device).toEqualTypeOf<
      "phone" | "desktop" | undefined
    >();
    expectTypeOf(people.count(ch).keys).toEqualTypeOf<number>();
  },
});

export async function reads(): Promise<void> {
  expectTypeOf(slow.list("room:1")).toEqualTypeOf<Promise<Presences<Meta, { name: string }>>>();
  expectTypeOf((await slow.getByKey("room:1", "ann"))?.name).toEqualTypeOf<string | undefined>();
  expectTypeOf((await slow.page("room:1", { limit: 10 })).next).toEqualTypeOf<string | undefined>();
  expectTypeOf(slow.count("room:1").metas).toEqualTypeOf<number>();
}

createEndpoint({
  sockets: { "/socket": socket().routes({ "room:*": room }) },
  presence: [people, slow],
});

// @ts-expect-error: first needs to know how many
presence({ topics: { "room:*": { mode: "first" } } });
// @ts-expect-error: no such mode
presence({ topics: { "room:*": { mode: "all" } } });

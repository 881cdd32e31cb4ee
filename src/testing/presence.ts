import { presenceState } from "../core/protocol/presence.js";
import type { NodePresence } from "../runtime/presence/node-presence.js";
import { definitionOf } from "../runtime/presence/presence.js";
import type { AnyPresence, Presence, Presences } from "../runtime/presence/presence-types.js";

/** What a test may expect of a topic: exactly these keys, or anything else about who is present. */
export type PresenceExpectation<Meta> = readonly string[] | ((present: Presences<Meta>) => boolean);

/** Metas of a presence. */
type MetaOf<P> = P extends Presence<infer Meta, infer _Listed> ? Meta : never;

/** Who is present in a topic as one endpoint knows it, now, without what `fetch` adds. */
export function presenceOf<P extends AnyPresence>(
  presence: P,
  endpoint: object,
  topic: string,
): Presences<MetaOf<P>> {
  return presentOn<MetaOf<P>>(definitionOf(presence).nodeAt(endpoint), topic);
}

/**
 * Resolves as soon as all of `endpoints` see a topic as expected, with what the first of them sees. Rejects after
 * `timeoutMs` of their clock, and says what each of them sees then.
 */
export function untilPresence<P extends AnyPresence>(
  presence: P,
  endpoints: object | readonly object[],
  topic: string,
  expected: PresenceExpectation<MetaOf<P>>,
  timeoutMs = 10_000,
): Promise<Presences<MetaOf<P>>> {
  const definition = definitionOf(presence);
  const nodes = [endpoints].flat().map((endpoint) => definition.nodeAt(endpoint));
  const [first] = nodes;
  if (first === undefined) throw new TypeError("untilPresence needs an endpoint");
  const fits = (node: NodePresence): boolean => meets(presentOn<MetaOf<P>>(node, topic), expected);
  return new Promise((resolve, reject) => {
    const check = (): void => {
      if (!nodes.every(fits)) return;
      end();
      resolve(presentOn<MetaOf<P>>(first, topic));
    };
    const cancels = nodes.map((node) => node.watch(check));
    cancels.push(
      first.clock.after(timeoutMs, () => {
        end();
        reject(new Error(`waited ${timeoutMs} ms in vain for ${wanted(expected)}; ${sights(nodes, topic)}`));
      }),
    );
    const end = (): void => {
      for (const cancel of cancels) cancel();
    };
    check();
  });
}

function presentOn<Meta>(node: NodePresence, topic: string): Presences<Meta> {
  // The metas are those that were tracked, and these were checked against Meta.
  return presenceState(node.list(topic)) as unknown as Presences<Meta>;
}

function meets<Meta>(present: Presences<Meta>, expected: PresenceExpectation<Meta>): boolean {
  if (typeof expected === "function") return expected(present);
  const keys = Object.keys(present);
  return keys.length === new Set(expected).size && expected.every((key) => key in present);
}

function wanted(expected: readonly string[] | object): string {
  return Array.isArray(expected) ? `the keys ${JSON.stringify(expected)}` : "a condition on who is present";
}

function sights(nodes: readonly NodePresence[], topic: string): string {
  return nodes.map((node) => `${node.nodeName} sees ${JSON.stringify(presentOn(node, topic))}`).join("; ");
}

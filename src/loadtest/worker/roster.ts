import { TopicGroup } from "../delivery/topic-group.js";
import { type LoadPlan, topicsOf } from "../scenario/plan.js";
import { hasRole } from "../scenario/roles.js";

/** The clients of one worker and their places in the topics. */
export interface Roster {
  readonly clients: readonly number[];
  readonly groups: ReadonlyMap<number, TopicGroup>;
  /** The places of each client, in the order of {@link clients} and of its topics. */
  readonly slots: readonly (readonly number[])[];
}

/** Deals the clients out to the workers, one after the other, and gives those of one worker their places. */
export function rosterOf(plan: LoadPlan, worker: number, workers: number): Roster {
  const clients: number[] = [];
  for (let client = worker; client < plan.connections; client += workers) clients.push(client);
  const sizes = new Map<number, number>();
  const slots = clients.map((client) =>
    topicsOf(plan, client).map((topic) => {
      const slot = sizes.get(topic) ?? 0;
      sizes.set(topic, slot + 1);
      return slot;
    }),
  );
  const groups = new Map([...sizes].map(([topic, size]) => [topic, new TopicGroup(size)]));
  clients.forEach((client, i) => {
    if (!hasRole(client, plan.slow.share, "slow")) return;
    topicsOf(plan, client).forEach((topic, j) => {
      groups.get(topic)?.markSlow(slots[i]?.[j] ?? 0);
    });
  });
  return { clients, groups, slots };
}

/**
 * `npm run sim -- [--seeds 1000] [--from 1] [--seed X [--trace]] [--only pubsub|presence]`: hunts for broken
 * promises in the seeded simulator, of PubSub alone and of presence on top of it. Exits with 1 when one was found;
 * the line says how to see it again.
 */
import { parseArgs } from "node:util";
import { mesh } from "simurgh";
import { simulate } from "simurgh/testing";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    trace: { type: "boolean", default: false },
    only: { type: "string" },
  },
});

/**
 * @param {string} name
 * @param {string} text
 */
function wholeNumber(name, text) {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  console.error(`--${name} must be a whole number, not ${text}`);
  process.exit(2);
}

const one = values.seed === undefined ? undefined : wholeNumber("seed", values.seed);
const from = one ?? wholeNumber("from", values.from);
const count = one === undefined ? wholeNumber("seeds", values.seeds) : 1;
const progressEveryMs = 5_000;

/** Every seed makes a run of each. */
const subjects = ["pubsub", "presence"].filter((subject) => subject === (values.only ?? subject));
if (subjects.length === 0) {
  console.error(`--only must be pubsub or presence, not ${values.only}`);
  process.exit(2);
}

/** @type {import("simurgh/testing").SimulatedEngine} */
const engine = {
  engine: "mesh",
  order: "publisher",
  createAdapter: ({ listen, peers, network, defer }) =>
    mesh({ secret: "a secret of the simulator", listen, peers, network, defer }),
};

const total = { failed: 0, steps: 0, virtualMs: 0, published: 0, delivered: 0, promised: 0, healMs: 0 };
/** @type {Record<string, number>} */
const faults = {};
const presence = { runs: 0, tracked: 0, updated: 0, untracked: 0, joins: 0, leaves: 0, agreed: 0 };
const silence = { hidden: 0, forgotten: 0, slowestMs: 0 };
const startedMs = performance.now();
let reportedMs = startedMs;

/** @param {NonNullable<import("simurgh/testing").SimulationResult["presence"]>} result */
function addPresence(result) {
  presence.runs += 1;
  presence.tracked += result.tracked;
  presence.updated += result.updated;
  presence.untracked += result.untracked;
  presence.joins += result.joins;
  presence.leaves += result.leaves;
  presence.agreed += result.agreed;
  silence.hidden += result.hidden;
  silence.forgotten += result.forgotten;
  silence.slowestMs = Math.max(silence.slowestMs, result.agreedAfterMs ?? 0);
}

/**
 * @param {string} subject
 * @param {import("simurgh/testing").SimulationResult} result
 */
function add(subject, result) {
  total.steps += result.steps;
  total.virtualMs += result.virtualMs;
  total.published += result.published;
  total.delivered += result.delivered;
  total.promised += result.promised;
  total.healMs = Math.max(total.healMs, result.healedAfterMs ?? 0);
  for (const [kind, times] of Object.entries(result.faults)) faults[kind] = (faults[kind] ?? 0) + times;
  if (result.presence !== undefined) addPresence(result.presence);
  if (result.violation === undefined) return;
  total.failed += 1;
  console.error(
    `seed ${result.seed} of ${subject} FAILED at step ${result.steps}, ${result.virtualMs} ms: ${result.violation}`,
  );
  console.error(`  again: npm run sim -- --seed ${result.seed} --only ${subject} --trace`);
}

for (let seed = from; seed < from + count; seed++) {
  for (const subject of subjects) {
    const result = await simulate({
      seed,
      engine,
      ...(subject === "presence" ? { presence: {} } : {}),
      ...(values.trace ? { print: console.log } : {}),
    });
    add(subject, result);
    if (one !== undefined) console.log(JSON.stringify(result, undefined, 2));
  }
  const nowMs = performance.now();
  if (nowMs - reportedMs < progressEveryMs) continue;
  reportedMs = nowMs;
  console.log(`${seed - from + 1} of ${count} seeds, ${total.failed} failed`);
}

const seconds = (performance.now() - startedMs) / 1_000;
const kinds = Object.entries(faults).sort(([a], [b]) => a.localeCompare(b));
console.log(
  `${count} seeds of ${subjects.join(" and ")} in ${seconds.toFixed(1)} s (${(count / seconds).toFixed(1)} seeds/s), ` +
    `${(total.virtualMs / 3_600_000).toFixed(2)} virtual hours, ${total.steps} steps`,
);
console.log(
  `${total.published} messages published, ${total.delivered} arrivals, ${total.promised} of them promised; ` +
    `slowest healing ${total.healMs.toFixed(0)} ms`,
);
if (presence.runs > 0) {
  console.log(
    `presence: ${presence.tracked} tracked, ${presence.updated} updated, ${presence.untracked} untracked; clients were ` +
      `told ${presence.joins} joins and ${presence.leaves} leaves`,
  );
  console.log(
    `presence: ${presence.agreed} times known in time, ${silence.hidden} times hidden, ${silence.forgotten} times ` +
      `forgotten; slowest agreement ${silence.slowestMs.toFixed(0)} ms after all reached all`,
  );
}
console.log(`faults: ${kinds.map(([kind, times]) => `${kind} ${times}`).join(", ")}`);
console.log(`${count * subjects.length - total.failed} runs passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 ? 1 : 0;

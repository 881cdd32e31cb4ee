import { cpus, totalmem } from "node:os";
import { benchAdmission } from "./admission.js";
import { benchAuth } from "./auth.js";
import { benchCluster } from "./cluster.js";
import { benchCore } from "./core.js";
import { benchPresence } from "./presence.js";

/** One entry per question. */
const benches: Readonly<Record<string, { readonly what: string; readonly run: () => Promise<void> }>> = {
  core: { what: "fan-out, connect+join and idle memory beside bare ws and Socket.IO", run: benchCore },
  admission: {
    what: "10,000 clients at once on one node, with admission and without",
    run: benchAdmission,
  },
  auth: { what: "connect and join with tokens of each kind, and without; limits off and on", run: benchAuth },
  cluster: {
    what: "latency, throughput, CPU and bytes between nodes, by mesh, NATS and Redis",
    run: benchCluster,
  },
  presence: {
    what: "ten thousand in one room of three nodes, in every mode; reading a hundred thousand",
    run: benchPresence,
  },
};

const [name = "core"] = process.argv.slice(2);
const bench = benches[name];
if (bench === undefined) {
  console.error(`no bench named ${name}; there is:`);
  for (const [known, { what }] of Object.entries(benches)) console.error(`  ${known.padEnd(10)} ${what}`);
  process.exit(2);
}
console.log(
  `${cpus()[0]?.model ?? "unknown CPU"} x${cpus().length}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
);
console.log(`node ${process.version}, ${process.platform}`);
console.log(`${name}: ${bench.what}\n`);
await bench.run();

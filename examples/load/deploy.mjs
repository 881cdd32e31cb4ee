/**
 * What clients notice of a deploy: DEPLOY is the command that begins it, such as one that drains a node and starts its
 * successor. Without it nothing is done. Losses around it are counted as lost by a kill.
 *
 * @satisfies {import("simurgh/load").LoadScenario}
 */
const scenario = {
  name: "deploy",
  url: process.env.SOCKET_URL ?? "ws://localhost:4000/socket",
  connections: 1_000,
  ramp: 400,
  duration: "40s",
  topics: { name: "room:{n}", clientsPerTopic: 25 },
  publish: { event: "shout", rate: 40 },
  hooks: [{ at: "10s", name: "deploy", run: process.env.DEPLOY ?? "true", disruptive: true }],
  assert: ["lostSteady == 0", "duplicated == 0"],
};
export default scenario;

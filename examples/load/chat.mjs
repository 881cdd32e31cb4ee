/**
 * Rooms of forty people, each of whom writes once a minute.
 *
 * @satisfies {import("simurgh/load").LoadScenario}
 */
const scenario = {
  name: "chat",
  url: process.env.SOCKET_URL ?? "ws://localhost:4000/socket",
  connections: 2_000,
  ramp: 400,
  duration: "30s",
  topics: { name: "room:{n}", clientsPerTopic: 40 },
  publish: { event: "shout", thinkTime: "60s", arrivals: "poisson", bytes: [40, 400] },
  assert: ["broadcast.p99 < 250ms", "lost == 0", "reordered == 0", "duplicated == 0"],
};
export default scenario;

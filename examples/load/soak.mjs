/**
 * A day's mix for eight hours: some poll, some read late, some come and go. Watch the server's memory meanwhile.
 *
 * @satisfies {import("simurgh/load").LoadScenario}
 */
const scenario = {
  name: "soak",
  url: process.env.SOCKET_URL ?? "ws://localhost:4000/socket",
  connections: 2_000,
  ramp: 100,
  duration: "8h",
  topics: { name: "room:{n}", perClient: 3, clientsPerTopic: 30 },
  publish: { event: "shout", thinkTime: "90s", arrivals: "poisson", bytes: [20, 2_000] },
  longPollShare: 0.02,
  slow: { share: 0.01, pause: "2s" },
  churn: 2,
  assert: ["broadcast.p99 < 500ms", "lostSteady == 0", "duplicated == 0"],
};
export default scenario;

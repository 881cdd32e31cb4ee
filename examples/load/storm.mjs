/**
 * Everybody is dropped at once and comes back as phoenix.js does, without jitter; then half of them once more.
 *
 * @satisfies {import("simurgh/load").LoadScenario}
 */
const scenario = {
  name: "storm",
  url: process.env.SOCKET_URL ?? "ws://localhost:4000/socket",
  connections: 2_000,
  ramp: 400,
  duration: "30s",
  topics: { name: "room:{n}", clientsPerTopic: 50 },
  publish: { event: "shout", rate: 50 },
  storms: [
    { at: "5s", share: 1 },
    { at: "18s", share: 0.5 },
  ],
  assert: ["reconnect.p99 < 10s", "lostSteady == 0", "duplicated == 0"],
};
export default scenario;

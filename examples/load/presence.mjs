/**
 * Rooms in which people come and go all the time, so that presence is what the server mostly sends. PRESENCE_EVENT is
 * pushed after each join, for servers that track on demand.
 *
 * @satisfies {import("simurgh/load").LoadScenario}
 */
const scenario = {
  name: "presence",
  url: process.env.SOCKET_URL ?? "ws://localhost:4000/socket",
  connections: 1_000,
  ramp: 200,
  duration: "30s",
  params: { user: "u{client}" },
  topics: { name: "room:{n}", clientsPerTopic: 50, join: { name: "user {client}" } },
  publish: { event: "shout", rate: 10 },
  presence: process.env.PRESENCE_EVENT === undefined ? {} : { event: process.env.PRESENCE_EVENT },
  churn: 20,
  assert: ["join.p99 < 1s", "lostSteady == 0"],
};
export default scenario;

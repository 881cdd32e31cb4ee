/**
 * How many clients, or how many messages a second (LIMIT=rate), the server holds before its p99 breaks the bound.
 *
 * @satisfies {import("simurgh/load").LoadScenario}
 */
const scenario = {
  name: "ramp to the limit",
  url: process.env.SOCKET_URL ?? "ws://localhost:4000/socket",
  connections: 1_000,
  ramp: 500,
  duration: "10s",
  topics: { name: "room:{n}", clientsPerTopic: 50 },
  publish: { event: "shout", rate: 50 },
  search: {
    what: process.env.LIMIT === "rate" ? "rate" : "connections",
    bound: process.env.BOUND ?? "broadcast.p99 < 100ms",
    from: Number(process.env.FROM ?? 250),
    to: Number(process.env.TO ?? 50_000),
  },
};
export default scenario;

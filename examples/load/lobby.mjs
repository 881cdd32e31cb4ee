/**
 * One big room: few messages, each to everybody.
 *
 * @satisfies {import("simurgh/load").LoadScenario}
 */
const scenario = {
  name: "lobby",
  url: process.env.SOCKET_URL ?? "ws://localhost:4000/socket",
  connections: 2_000,
  ramp: 400,
  duration: "20s",
  topics: { name: "room:lobby" },
  publish: { event: "shout", rate: 5, bytes: 120 },
  assert: ["broadcast.p99 < 500ms", "lost == 0"],
};
export default scenario;

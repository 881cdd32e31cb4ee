/**
 * The layers of the test suite, in the order that they run: each stands on those before it, so the first
 * failure is the nearest to its cause. `workers` is small where tests start real processes: beside each other
 * these would starve and fail for no reason of their own.
 *
 * @typedef {object} Layer
 * @property {string} name the folder under `test/`, and the name to choose it by
 * @property {string} about what is tested there
 * @property {number} workers test files that run at a time
 * @property {number} testTimeoutMs the longest that one test may take
 * @property {boolean} servers whether tests need programs that Node does not bring
 * @property {boolean} [beside] runs beside the layer after it: its tests wait for the most part
 */

/** @type {readonly Layer[]} */
export const layers = [
  { name: "tidy", about: "the rules of the house", workers: 2, testTimeoutMs: 20_000, servers: false },
  { name: "core", about: "pure logic", workers: 2, testTimeoutMs: 20_000, servers: false },
  { name: "contracts", about: "contract suites", workers: 2, testTimeoutMs: 20_000, servers: true },
  { name: "runtime", about: "runners over fakes", workers: 2, testTimeoutMs: 20_000, servers: false },
  { name: "auth", about: "tokens and permissions", workers: 2, testTimeoutMs: 20_000, servers: false },
  { name: "edges", about: "real sockets in one process", workers: 2, testTimeoutMs: 20_000, servers: false },
  { name: "sim", about: "the seeded simulator", workers: 2, testTimeoutMs: 60_000, servers: false },
  { name: "servers", about: "real processes", workers: 2, testTimeoutMs: 60_000, servers: true },
  {
    name: "hosts",
    about: "hosts of their own, cut",
    workers: 2,
    testTimeoutMs: 60_000,
    servers: true,
    beside: true,
  },
  { name: "browser", about: "a real browser", workers: 1, testTimeoutMs: 90_000, servers: true },
];

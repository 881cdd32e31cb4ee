import { describe } from "vitest";
import { elasticCases } from "../support/elastic-cases.js";
import { requireServer } from "../support/servers.js";

const haproxy = requireServer("haproxy");

describe("a fleet that changes, behind the embedded balancer", () => elasticCases("embedded"));

describe.skipIf(haproxy.missing)("a fleet that changes, behind HAProxy", () => elasticCases("haproxy"));

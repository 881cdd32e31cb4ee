import { describe } from "vitest";
import { presenceCases } from "../support/presence-cases.js";
import { localEngine, meshEngine } from "../support/pubsub-engines.js";

describe("presence on one node, by local", () => presenceCases(localEngine, 1));
describe("presence across nodes by mesh", () => presenceCases(meshEngine));

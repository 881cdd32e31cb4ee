import { Option } from "commander";

/** The engines that join the nodes of a fleet. */
export const engineChoices = ["mesh", "nats", "redis"] as const;

/** One of {@link engineChoices}. */
export type EngineChoice = (typeof engineChoices)[number];

/** Engines whose messages go by a broker. */
export type BrokerChoice = Exclude<EngineChoice, "mesh">;

/** What each engine with a broker needs: a variable that tells where the broker is, a package, a program. */
export const brokerNeeds = {
  nats: {
    variable: "NATS_URL",
    package: "@nats-io/transport-node",
    program: "nats-server",
    url: "nats://127.0.0.1:4222",
  },
  redis: { variable: "REDIS_URL", package: "redis", program: "redis-server", url: "redis://127.0.0.1:6379" },
} as const satisfies Record<BrokerChoice, object>;

/** `--engine`. */
export function engineOption(about: string): Option {
  return new Option("--engine <engine>", about).choices([...engineChoices]).default("mesh");
}

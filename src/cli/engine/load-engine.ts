import type { PubSubAdapter } from "../../contracts/pubsub-adapter.js";
import { SimurghError } from "../../runtime/errors.js";
import { type BrokerChoice, brokerNeeds } from "./choice.js";

/** Makes an engine from the address of its broker. */
export type MakeEngine = (url: string) => PubSubAdapter;

/** Loads an engine, which is not there unless its package is. Rejects with `engine_not_installed`. */
export async function loadEngine(choice: BrokerChoice): Promise<MakeEngine> {
  try {
    if (choice === "nats") {
      const { nats } = await import("../../nats.js");
      return (url) => nats({ servers: url });
    }
    const { redis } = await import("../../redis.js");
    return (url) => redis({ url: url.split(",") });
  } catch (cause) {
    if (!isMissingModule(cause)) throw cause;
    const { package: name } = brokerNeeds[choice];
    const message = `the engine ${choice} needs the package ${name}: npm install ${name}`;
    throw new SimurghError("engine_not_installed", message, { cause });
  }
}

function isMissingModule(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND";
}

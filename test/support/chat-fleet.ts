import { type Fleet, startFleet } from "./fleet.js";

/** Starts the chat on several nodes behind a free port, and waits until it is ready. It must have been built. */
export async function startChat(args: readonly string[] = []): Promise<Fleet> {
  const fleet = await startFleet(args, "../../examples/chat/dist/server.js");
  try {
    await fleet.up.line("ready ");
    return fleet;
  } catch (error) {
    await fleet.end();
    throw error;
  }
}

import { SimurghError } from "../../runtime/errors.js";
import { brokerNeeds, type EngineChoice } from "./choice.js";
import { findProgram } from "./find-program.js";
import { loadEngine } from "./load-engine.js";
import { startLocalBroker } from "./local-broker.js";

/** The engine of a fleet. */
export interface ChosenEngine {
  readonly choice: EngineChoice;
  /** What it is, for people. */
  readonly about: string;
  /** What the nodes are told by their environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Ends what was started for it. The nodes must be gone. */
  stop(): Promise<void>;
}

/** What {@link chooseEngine} needs. */
export interface EngineOptions {
  readonly choice: EngineChoice;
  readonly env: NodeJS.ProcessEnv;
  /** A private folder of this fleet. */
  readonly folder: string;
  /** Lines about a broker that was started. */
  readonly told: (line: string) => void;
  /** Where to look besides the search path; by default the system's folders. */
  readonly otherFolders?: readonly string[];
}

/**
 * Makes an engine ready for the nodes of a fleet: takes the broker that the environment names, or starts one on this
 * machine. Rejects with `engine_not_installed` where there is neither.
 */
export async function chooseEngine(options: EngineOptions): Promise<ChosenEngine> {
  const { choice, env, folder, told } = options;
  const nothing = async () => {};
  if (choice === "mesh") return { choice, about: "mesh", env: {}, stop: nothing };
  const { variable, program } = brokerNeeds[choice];
  await loadEngine(choice);
  const given = env[variable];
  if (given !== undefined && given !== "") {
    return { choice, about: `${choice} at ${withoutCredentials(given)}`, env: {}, stop: nothing };
  }
  const path = await findProgram(program, env.PATH ?? "", options.otherFolders);
  if (path === undefined) {
    const message =
      `there is no ${program} on this machine: install it (Debian: apt install ${program}),` +
      ` or tell by ${variable} where one runs`;
    throw new SimurghError("engine_not_installed", message);
  }
  const broker = await startLocalBroker({ choice, program: path, folder, told });
  const about = `${choice} (${path}, started for these nodes)`;
  return { choice, about, env: { [variable]: broker.url }, stop: () => broker.stop() };
}

/** Addresses without what stands before the @ in them. */
export function withoutCredentials(urls: string): string {
  return urls.replace(/[^/,@]*@/g, "");
}

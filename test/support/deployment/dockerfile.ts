import { DockerfileParser, type Instruction, ModifiableInstruction } from "dockerfile-ast";
import { deployText } from "./files.js";

/** One instruction of a Dockerfile. */
export interface Step {
  readonly keyword: string;
  /** Flags, such as `--from=build`, by name. */
  readonly flags: ReadonlyMap<string, string>;
  /** Everything behind keyword and flags, on one line. */
  readonly text: string;
  /** Of the form in brackets; undefined: it is not written so. */
  readonly words: readonly string[] | undefined;
}

/** The instructions of each stage of a Dockerfile; the first of a stage is its `FROM`. */
export function readStages(text: string): Step[][] {
  const stages: Step[][] = [];
  for (const instruction of DockerfileParser.parse(text).getInstructions()) {
    const step = readStep(instruction);
    if (step.keyword === "FROM") stages.push([]);
    // Arguments before the first stage are for the names of images only.
    stages.at(-1)?.push(step);
  }
  return stages;
}

function readStep(instruction: Instruction): Step {
  const keyword = instruction.getKeyword();
  const given = instruction instanceof ModifiableInstruction ? instruction.getFlags() : [];
  const flags = new Map(given.map((flag) => [flag.getName(), flag.getValue() ?? ""]));
  const text = instruction.getArgumentsContent() ?? "";
  const list = keyword === "HEALTHCHECK" ? text.replace(/^CMD /, "") : text;
  return { keyword, flags, text, words: list.startsWith("[") ? readWords(list) : undefined };
}

function readWords(list: string): string[] {
  const words: unknown = JSON.parse(list);
  if (Array.isArray(words) && words.every((word) => typeof word === "string")) return words;
  throw new Error(`no list of words: ${list}`);
}

/** The stages of the image of the deployment. */
export const imageStages = (): Step[][] => readStages(deployText("Dockerfile"));

/** The last instruction of a kind in a stage. */
export function lastOf(stage: readonly Step[], keyword: string): Step {
  const step = stage.findLast((one) => one.keyword === keyword);
  if (step === undefined) throw new Error(`no ${keyword}`);
  return step;
}

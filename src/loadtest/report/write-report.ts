import { writeFile } from "node:fs/promises";
import { SimurghError } from "../../runtime/errors.js";

/** Writes a report's file. */
export async function writeReport(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SimurghError("load_report_unwritten", `${file}: ${why}`, { cause: error });
  }
}

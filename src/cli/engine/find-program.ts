import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";

/** System folders that the PATH of a user who is not root often lacks, though anybody may run what is there. */
const systemFolders = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/opt/homebrew/bin"];

/** The path of a program along a search path, and in the system's folders. */
export async function findProgram(
  name: string,
  searchPath: string,
  otherFolders: readonly string[] = systemFolders,
): Promise<string | undefined> {
  const folders = [...searchPath.split(delimiter).filter((folder) => folder !== ""), ...otherFolders];
  for (const folder of folders) {
    const path = join(folder, name);
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return undefined;
}

import { constants } from "node:fs";
import { open } from "node:fs/promises";

/** What a file says, or why that cannot be known. */
export type Reading = { readonly text: string } | { readonly failure: string };

const words: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file",
  EACCES: "it may not be read",
  EPERM: "it may not be read",
  EISDIR: "it is a folder",
  ELOOP: "its links lead nowhere",
};

/** Reads a file of text that is not larger than that. Never rejects. */
export async function readText(path: string, bytesMax: number): Promise<Reading> {
  try {
    // A pipe in the place of the file must not make this wait for a writer.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) return { failure: stat.isDirectory() ? "it is a folder" : "it is no file" };
      if (stat.size > bytesMax) return { failure: `it is larger than ${bytesMax} bytes` };
      // It may grow while it is read, but no further than what was seen of it is taken.
      const bytes = Buffer.alloc(stat.size);
      let length = 0;
      while (length < bytes.length) {
        const { bytesRead } = await handle.read(bytes, length, bytes.length - length, length);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length)) };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof TypeError) return { failure: "it is no text in UTF-8" };
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    return { failure: words[code] ?? String(error) };
  }
}

import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";

/**
 * Notices that something happens in a folder. It is the folder that is watched and not the file, because files are
 * replaced: by a rename, by deleting and writing anew, or by a link beside them that is turned over to another folder,
 * as Kubernetes does it.
 */
export class FolderWatch {
  readonly #folder: string;
  readonly #onChange: () => void;
  readonly #onError: (error: Error) => void;
  #watcher: FSWatcher | undefined;
  /** Which folder it is that is watched: another may have come in its place. */
  #identity: string | undefined;
  #over = false;

  constructor(folder: string, onChange: () => void, onError: (error: Error) => void) {
    this.#folder = folder;
    this.#onChange = onChange;
    this.#onError = onError;
  }

  /** Watches the folder that is there now. To be called again and again, as folders come and go. */
  async renew(): Promise<void> {
    const identity = await identify(this.#folder);
    if (this.#over || (identity === this.#identity && this.#watcher !== undefined)) return;
    this.#drop();
    if (identity === undefined) return;
    try {
      const watcher = watch(this.#folder, { persistent: false }, () => this.#onChange());
      this.#watcher = watcher;
      this.#identity = identity;
      watcher.on("error", (error) => this.#onTrouble(error));
    } catch (error) {
      this.#onTrouble(error instanceof Error ? error : new Error(String(error)));
    }
  }

  stop(): void {
    this.#over = true;
    this.#drop();
  }

  #onTrouble(error: Error): void {
    this.#drop();
    if (!this.#over) this.#onError(error);
  }

  #drop(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#identity = undefined;
  }
}

async function identify(folder: string): Promise<string | undefined> {
  try {
    const { dev, ino, birthtimeMs } = await stat(folder);
    return `${dev} ${ino} ${birthtimeMs}`;
  } catch {
    // No folder, nothing to watch; that the file is not there either is told by its reading.
    return undefined;
  }
}

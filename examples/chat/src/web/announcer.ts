import { find } from "./dom.js";
import { hereText } from "./people-view.js";

/** Comings and goings of this long are told together. */
const gatherMs = 3_000;
/** Names that are told; above, a number. */
const namesToldMax = 3;

/** Tells people who listen to the page, not look at it, who came and went: rarely, and in one sentence. */
export class Announcer {
  readonly #region = find("announcement", HTMLElement);
  #room: string | undefined;
  /** Undefined until it is known who was there when the room was opened: only what changes from then on is news. */
  #told: ReadonlySet<string> | undefined;
  #names: ReadonlySet<string> = new Set();
  #timer: number | undefined;

  /** These are in the room that is shown. */
  show(room: string, names: readonly string[]): void {
    if (room !== this.#room) {
      this.#room = room;
      this.#told = undefined;
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
    this.#names = new Set(names);
    if (this.#told !== undefined) this.#timer ??= setTimeout(() => this.#tell(), gatherMs);
    else if (names.length > 0) this.#told = this.#names;
  }

  #tell(): void {
    const [now, told] = [this.#names, this.#told ?? this.#names];
    this.#timer = undefined;
    this.#told = now;
    const came = [...now].filter((name) => !told.has(name));
    const went = [...told].filter((name) => !now.has(name));
    if (came.length === 0 && went.length === 0) return;
    const words = [inWords(came, "came"), inWords(went, "left"), hereText(now.size)];
    this.#region.textContent = `${words.filter((part) => part !== "").join(". ")}.`;
  }
}

function inWords(names: readonly string[], what: string): string {
  if (names.length === 0) return "";
  return `${names.length > namesToldMax ? `${names.length} people` : names.join(", ")} ${what}`;
}

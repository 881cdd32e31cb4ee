import { show } from "../report.js";
import type { HostNode, LogEvent } from "./host-node.js";

/** What of a node's log is told. */
const told = /^(mesh|discovery|gossip) /;

interface Row {
  readonly atMs: number;
  readonly who: string;
  readonly what: string;
}

const table = (rows: readonly (readonly string[])[]): string[] => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
};

/** Who noticed what, when: the logs of all nodes on one line of time, and the figures that the tests took from them. */
export class Chronicle {
  readonly #title: string;
  readonly #nodes: () => readonly HostNode[];
  readonly #figures: (readonly [what: string, figure: string])[] = [];
  readonly #lines: string[] = [];
  #acts: Row[] = [];
  #chapter = "";
  #beganMs = 0;

  constructor(title: string, nodes: () => readonly HostNode[]) {
    this.#title = title;
    this.#nodes = nodes;
  }

  /** Begins a new chapter, whose time is counted from now. */
  chapter(title: string): void {
    this.end();
    this.#chapter = title;
    this.#beganMs = Date.now();
  }

  /** Takes down what the test itself did, and gives back the time of it. */
  act(what: string): number {
    const atMs = Date.now();
    this.#acts.push({ atMs, who: "test", what });
    return atMs;
  }

  /** Takes down a figure for the summary. */
  figure(what: string, figure: string): void {
    this.#figures.push([what, figure]);
  }

  /** Writes everything: into the report of `npm test` when it asks for one, else to the console. */
  publish(): void {
    this.end();
    const summary = table(this.#figures.map(([what, figure]) => ["", what, figure]));
    const text = [this.#title, ...summary].join("\n");
    const { SIMURGH_REPORT: report, SIMURGH_REPORT_EVENTS: events } = process.env;
    show(`${report === undefined || events === "1" ? `${this.#lines.join("\n")}\n` : ""}${text}`);
  }

  /** Ends the chapter: what is done to clean up is not told. */
  end(): void {
    if (this.#chapter === "") return;
    const rows = this.#nodes().flatMap((node) =>
      node.events.filter((one) => this.#isTold(one)).map((one) => rowOf(node, one)),
    );
    const all = [...this.#acts, ...rows].toSorted((a, b) => a.atMs - b.atMs);
    const cells = all.map(({ atMs, who, what }) => [
      `+${((atMs - this.#beganMs) / 1000).toFixed(3)} s`,
      who,
      what,
    ]);
    this.#lines.push(`\n${this.#title}: ${this.#chapter}`, ...table(cells));
    this.#acts = [];
    this.#chapter = "";
  }

  #isTold({ atMs, text }: LogEvent): boolean {
    return atMs >= this.#beganMs && told.test(text);
  }
}

const rowOf = (node: HostNode, { atMs, level, text }: LogEvent): Row => ({
  atMs,
  who: node.label,
  what: level === "INFO" ? text : `${level} ${text}`,
});

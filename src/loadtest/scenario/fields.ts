import type { Json } from "../../core/shared/json.js";
import { durationMs } from "./durations.js";

/** What is wrong with a field of a scenario. */
export interface FieldFault {
  /** Where it stands, such as `topics.perClient`. */
  readonly path: string;
  readonly expected: string;
  /** What stands there instead. */
  readonly found: string;
}

/** A value as a person reads it, cut short. */
export function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = typeof value === "function" ? "a function" : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** Reads the fields of one object and collects what is wrong with them. */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly #faults: FieldFault[];

  constructor(value: unknown, path: string, faults: FieldFault[], known: readonly string[]) {
    this.#path = path;
    this.#faults = faults;
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      this.#values = {};
      faults.push({ path: path === "" ? "the scenario" : path, expected: "an object", found: shown(value) });
      return;
    }
    // It is an object that is no array, so its fields can be looked at.
    this.#values = value as Record<string, unknown>;
    for (const name of Object.keys(value)) {
      if (known.includes(name)) continue;
      faults.push({ path: this.#at(name), expected: `one of ${known.join(", ")}`, found: `${name}` });
    }
  }

  #at(name: string): string {
    return this.#path === "" ? name : `${this.#path}.${name}`;
  }

  /** Says that a field is not what was expected. */
  fault(name: string, expected: string): void {
    this.#faults.push({ path: this.#at(name), expected, found: shown(this.#values[name]) });
  }

  /** The value of a field as it stands. */
  raw(name: string): unknown {
    return this.#values[name];
  }

  /** Whether there is such a field. */
  has(name: string): boolean {
    return this.#values[name] !== undefined;
  }

  /** The fields of an object within. */
  within(name: string, known: readonly string[]): Fields {
    return new Fields(this.#values[name] ?? {}, this.#at(name), this.#faults, known);
  }

  /** The fields of each object of a list. */
  each(name: string, known: readonly string[]): Fields[] {
    const list = this.#values[name] ?? [];
    if (!Array.isArray(list)) {
      this.fault(name, "a list");
      return [];
    }
    return list.map((item, i) => new Fields(item, `${this.#at(name)}[${i}]`, this.#faults, known));
  }

  /** A number between two bounds. */
  number(name: string, fallback: number, min: number, max: number, whole = false): number {
    const value = this.#values[name] ?? fallback;
    const fits = typeof value === "number" && value >= min && value <= max;
    if (fits && (!whole || Number.isInteger(value))) return value;
    this.fault(name, `a ${whole ? "whole " : ""}number from ${min} to ${max}`);
    return fallback;
  }

  /** A span of time, in milliseconds. */
  duration(name: string, fallbackMs: number, minMs = 0): number {
    const ms = durationMs(this.#values[name] ?? fallbackMs);
    if (ms !== undefined && ms >= minMs) return ms;
    this.fault(name, `a time such as 250ms, 10s or 5m${minMs > 0 ? `, at least ${minMs}ms` : ""}`);
    return fallbackMs;
  }

  /** A text that is not empty. */
  text(name: string, fallback: string): string {
    const value = this.#values[name] ?? fallback;
    if (typeof value === "string" && value !== "") return value;
    this.fault(name, "a text");
    return fallback;
  }

  /** True or false. */
  flag(name: string, fallback: boolean): boolean {
    const value = this.#values[name] ?? fallback;
    if (typeof value === "boolean") return value;
    this.fault(name, "true or false");
    return fallback;
  }

  /** One of a few texts. */
  choice<T extends string>(name: string, fallback: T, choices: readonly T[]): T {
    const value = this.#values[name] ?? fallback;
    const found = choices.find((choice) => choice === value);
    if (found !== undefined) return found;
    this.fault(name, `one of ${choices.join(", ")}`);
    return fallback;
  }

  /** Texts; one alone may stand without its list. */
  texts(name: string): string[] {
    const value = this.#values[name] ?? [];
    const list: unknown[] = Array.isArray(value) ? value : [value];
    const texts = list.filter((item): item is string => typeof item === "string" && item !== "");
    if (texts.length !== list.length) this.fault(name, "a text or a list of texts");
    return texts;
  }

  /** Texts by name. */
  record(name: string): Record<string, string> {
    const value = this.#values[name] ?? {};
    const entries = typeof value === "object" && value !== null ? Object.entries(value) : [];
    if (
      typeof value !== "object" ||
      Array.isArray(value) ||
      entries.some(([, item]) => typeof item !== "string")
    ) {
      this.fault(name, "an object of texts");
      return {};
    }
    return Object.fromEntries(entries);
  }

  /** Anything that JSON carries. */
  json(name: string, fallback: Json): Json {
    const value = this.#values[name] ?? fallback;
    if (isJson(value)) return value;
    this.fault(name, "plain data");
    return fallback;
  }
}

function isJson(value: unknown): value is Json {
  if (value === null || ["string", "number", "boolean"].includes(typeof value)) return true;
  if (Array.isArray(value)) return value.every(isJson);
  return typeof value === "object" && Object.values(value).every(isJson);
}

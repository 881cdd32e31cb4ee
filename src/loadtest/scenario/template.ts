import type { Json } from "../../core/shared/json.js";

/** What stands for what in a template. */
export interface TemplateValues {
  readonly client: number;
  readonly run: string;
  readonly token: string;
  readonly topic?: string;
}

/** Fills a template: `{client}`, `{run}`, `{token}` and `{topic}`; other braces stay. */
export function fillTemplate(text: string, values: TemplateValues): string {
  if (!text.includes("{")) return text;
  return text.replace(/\{(client|run|token|topic)\}/g, (whole, name: keyof TemplateValues) => {
    const value = values[name];
    return value === undefined ? whole : String(value);
  });
}

/** Fills all texts within a value. */
export function fillJson(value: Json, values: TemplateValues): Json {
  if (typeof value === "string") return fillTemplate(value, values);
  if (Array.isArray(value)) return value.map((item) => fillJson(item, values));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, fillJson(item, values)] as const);
  return Object.fromEntries(entries);
}

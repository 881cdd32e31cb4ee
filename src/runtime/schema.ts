import type { StandardSchemaV1 } from "@standard-schema/spec";
import { error, isPromise, type MaybePromise, type Reply } from "./result.js";

/** What came of checking a value: the schema's output, or the reply that the client gets. */
export type Checked = { readonly value: unknown } | { readonly refusal: Reply };

/** One problem of a payload, as the client sees it. */
export interface PayloadIssue {
  readonly message: string;
  /** Keys and indexes that lead to the problem. */
  readonly path: readonly (string | number)[];
}

/** At most this many issues are told to a client; the first ones say enough. */
const ISSUES_MAX = 20;

/** Runs a Standard Schema over a value. Synchronous schemas give a value, not a promise. */
export function check(schema: StandardSchemaV1 | undefined, value: unknown): MaybePromise<Checked> {
  if (schema === undefined) return { value };
  const result = schema["~standard"].validate(value);
  return isPromise(result) ? Promise.resolve(result).then(toChecked) : toChecked(result);
}

function toChecked(result: StandardSchemaV1.Result<unknown>): Checked {
  if (result.issues === undefined) return { value: result.value };
  return {
    refusal: error({ reason: "invalid payload", issues: result.issues.slice(0, ISSUES_MAX).map(toIssue) }),
  };
}

function toIssue(issue: StandardSchemaV1.Issue): PayloadIssue {
  const path = (issue.path ?? []).map((step) => {
    const key = typeof step === "object" ? step.key : step;
    return typeof key === "symbol" ? String(key) : key;
  });
  return { message: issue.message, path };
}

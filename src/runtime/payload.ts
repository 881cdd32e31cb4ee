import { SimurghError } from "./errors.js";

/** JSON text of any value; throws `payload_not_json` for what JSON cannot carry. */
export function toJson(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new SimurghError("payload_not_json", "the payload cannot be written as JSON", { cause });
  }
  if (text === undefined) throw new SimurghError("payload_not_json", `${typeof value} is no JSON value`);
  return text;
}

const OPEN_BRACE = 123;

/** JSON text of an object; throws `payload_not_object` for one that is written as something else, such as a Date. */
export function toObjectJson(value: object): string {
  const text = toJson(value);
  if (text.charCodeAt(0) !== OPEN_BRACE) throw notAnObject();
  return text;
}

/** Throws `payload_not_object` unless the payload may be pushed or broadcast: a JSON object, or bytes. */
export function assertPushable(payload: unknown): asserts payload is object {
  if (typeof payload !== "object" || payload === null || Array.isArray(payload)) {
    throw notAnObject();
  }
}

function notAnObject(): SimurghError {
  return new SimurghError("payload_not_object", "push and broadcast take a JSON object or a Uint8Array");
}

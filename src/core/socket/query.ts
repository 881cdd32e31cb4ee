/** Decoded parameters: strings, lists and nested maps, without a prototype, so that no key is special. */
export type Params = { [key: string]: Param };

/** One decoded parameter. */
export type Param = string | Param[] | Params;

/** Keys deeper than this are kept as one flat name. */
const DEPTH_MAX = 16;

/**
 * Decodes a query string as Plug does: `a=1`, `a[b]=1`, `a[]=1`. Later values of a name win. `decode` turns
 * percent-escapes into text and may throw; the text is then kept as it came.
 */
export function decodeQuery(query: string, decode: (escaped: string) => string): Params {
  const params = emptyParams();
  if (query === "") return params;
  for (const pair of query.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = unescapeText(equals < 0 ? pair : pair.slice(0, equals), decode);
    const value = equals < 0 ? "" : unescapeText(pair.slice(equals + 1), decode);
    const path = splitName(name);
    if (path === undefined) params[name] = value;
    else assign(params, path, value);
  }
  return params;
}

/**
 * Takes one plain parameter out of a path with a query: all its values, and the path without them. Names are compared
 * as `decodeQuery` reads them, so that no way of escaping leaves one behind; `a[b]` belongs to `a`.
 */
export function takeParam(
  target: string,
  name: string,
  decode: (escaped: string) => string,
): { readonly values: readonly string[]; readonly target: string } {
  const question = target.indexOf("?");
  if (question < 0) return { values: [], target };
  const values: string[] = [];
  const rest = target
    .slice(question + 1)
    .split("&")
    .filter((pair) => {
      const equals = pair.indexOf("=");
      const key = unescapeText(equals < 0 ? pair : pair.slice(0, equals), decode);
      if (key !== name && !key.startsWith(`${name}[`)) return true;
      values.push(equals < 0 ? "" : unescapeText(pair.slice(equals + 1), decode));
      return false;
    });
  if (values.length === 0) return { values, target };
  const path = target.slice(0, question);
  return { values, target: rest.length === 0 ? path : `${path}?${rest.join("&")}` };
}

/** Parameters without any key. */
export function emptyParams(): Params {
  return Object.create(null) as Params; // Object.create is typed any; a null prototype object is what Params says.
}

function unescapeText(text: string, decode: (escaped: string) => string): string {
  if (!text.includes("%") && !text.includes("+")) return text;
  const spaced = text.replaceAll("+", " ");
  try {
    return decode(spaced);
  } catch {
    return spaced;
  }
}

/** `a[b][]` → ["a", "b", ""]; undefined for a plain or malformed name, which is then taken literally. */
function splitName(name: string): string[] | undefined {
  const open = name.indexOf("[");
  if (open <= 0 || !name.endsWith("]")) return undefined;
  const path = [name.slice(0, open), ...name.slice(open + 1, -1).split("][")];
  return path.length > DEPTH_MAX ? undefined : path;
}

function assign(root: Params, path: readonly string[], value: string): void {
  let here: Params | Param[] = root;
  for (let i = 0; i < path.length; i++) {
    const key = path[i] ?? "";
    const following = path[i + 1];
    const next: Param = following === undefined ? value : following === "" ? [] : emptyParams();
    here = step(here, key, next, following === undefined);
    if (following === undefined) return;
  }
}

function step(here: Params | Param[], key: string, next: Param, last: boolean): Params | Param[] {
  if (Array.isArray(here)) {
    here.push(next);
  } else {
    const existing = here[key];
    const reusable = !last && typeof existing === "object" && Array.isArray(existing) === Array.isArray(next);
    if (reusable) return existing;
    here[key] = next;
  }
  // A leaf string ends the path, so its return value is never stepped into.
  return typeof next === "string" ? here : next;
}

/** The number of the line in which an offset lies, from 1. */
export function lineOfOffset(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

/**
 * The line of a field such as `hooks[1].at` in the source of a scenario: each name of the path is looked for after
 * the one before. Undefined when the source does not write it out.
 */
export function lineOfField(text: string, path: string): number | undefined {
  let offset = 0;
  let found: number | undefined;
  for (const [, name = "", index] of path.matchAll(/([^.[\]]+)(?:\[(\d+)\])?/g)) {
    const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const key = new RegExp(`(^|[\\s{,(])(["']?)${escaped}\\2\\s*[:,}]`, "gm");
    key.lastIndex = offset;
    const match = key.exec(text);
    if (match === null) return found;
    offset = match.index + match[0].length - 1;
    found = lineOfOffset(text, match.index + (match[1]?.length ?? 0));
    if (index === undefined) continue;
    const item = itemOffset(text, offset, Number(index));
    if (item === undefined) return found;
    offset = item;
    found = lineOfOffset(text, offset);
  }
  return found;
}

/** Where the item of a list begins, by its brackets. */
function itemOffset(text: string, from: number, index: number): number | undefined {
  let [depth, item] = [0, 0];
  const start = text.indexOf("[", from);
  if (start < 0) return undefined;
  for (let i = start; i < text.length; i++) {
    const char = text[i] ?? "";
    if (depth === 1 && item === index && !/[\s[,]/.test(char)) return i;
    if ("[{(".includes(char)) depth += 1;
    if ("]})".includes(char)) depth -= 1;
    if (char === "," && depth === 1) item += 1;
    if (depth === 0) return undefined;
  }
  return undefined;
}

/** A compiled list of topic patterns. The first declared match wins. */
export interface TopicRoutes<T> {
  /** The target of the first pattern that matches `topic`. */
  match(topic: string): T | undefined;
}

/** What is wrong with a topic pattern, or undefined. `*` may only be the last character. */
export function patternFault(pattern: string): string | undefined {
  const star = pattern.indexOf("*");
  if (star >= 0 && star !== pattern.length - 1) return "`*` may only be the last character";
  if (pattern === "") return "a topic pattern must not be empty";
  return undefined;
}

/**
 * Compiles patterns in the order of their declaration. Exact ones are found by a map, so that a thousand of them
 * cost as much as one; a prefix declared before the exact match still wins.
 */
export function compileRoutes<T>(declared: Iterable<readonly [pattern: string, target: T]>): TopicRoutes<T> {
  const exact = new Map<string, { order: number; target: T }>();
  const prefixes: { order: number; prefix: string; target: T }[] = [];
  let order = 0;
  for (const [pattern, target] of declared) {
    if (pattern.endsWith("*")) prefixes.push({ order, prefix: pattern.slice(0, -1), target });
    else if (!exact.has(pattern)) exact.set(pattern, { order, target });
    order++;
  }
  return {
    match(topic) {
      const hit = exact.get(topic);
      for (const candidate of prefixes) {
        if (hit !== undefined && hit.order < candidate.order) break;
        if (topic.startsWith(candidate.prefix)) return candidate.target;
      }
      return hit?.target;
    },
  };
}

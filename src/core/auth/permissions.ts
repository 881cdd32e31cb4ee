/** What a client may want to do in a topic. */
export type PermissionAction = "join" | "push" | "presence";

/**
 * One permission: to `join`, to `push` every event, to push the events of one pattern (`push:new_msg`, `push:typing*`),
 * to be tracked by `presence`, or all of it, `*`.
 */
export type Permission = "join" | "push" | `push:${string}` | "presence" | "*";

/**
 * What a client may do, by topic: `{ "room:*": ["join", "push:new_msg"], "room:42": ["*"] }`. A `*` stands for any
 * rest, and only at the end. All that match count together; what none of them grants is denied.
 */
export interface Permissions {
  readonly [topicPattern: string]: readonly Permission[];
}

/** What a policy function is asked. */
export interface PermissionQuestion {
  readonly action: PermissionAction;
  readonly topic: string;
  /** The event of a `push`; undefined for other actions. */
  readonly event: string | undefined;
}

/** Decides by itself; it MUST answer at once. What it throws denies. */
export type Policy = (question: PermissionQuestion) => boolean;

/** What may be done in one topic, found once and asked often. */
export interface TopicPermissions {
  readonly mayJoin: boolean;
  readonly mayTrack: boolean;
  mayPush(event: string): boolean;
}

/** What may be done, by topic. */
export interface PermissionTable {
  forTopic(topic: string): TopicPermissions;
}

/** A table, or what is wrong with what it was to be made of. */
export type CompiledPermissions =
  | { readonly ok: true; readonly table: PermissionTable }
  | { readonly ok: false; readonly fault: string };

/** Bounds on the permissions of one token. Beyond: the token is refused. */
export const permissionLimits = {
  /** Topic patterns. */
  topicsMax: 1_000,
  /** Permissions of one topic pattern. */
  perTopicMax: 100,
  /** UTF-16 code units of a topic pattern, or of a permission. */
  patternLengthMax: 1_024,
} as const;

/** Permissions of one topic pattern, compiled. */
interface Grant {
  join: boolean;
  presence: boolean;
  /** All events. */
  push: boolean;
  readonly events: Set<string>;
  readonly eventPrefixes: string[];
}

/** Compiles permissions out of a token or a policy: any value may come, and nothing of a wrong one counts. */
export function compilePermissions(value: unknown): CompiledPermissions {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return wrong("permissions must be an object");
  const topics = Object.entries(value);
  if (topics.length > permissionLimits.topicsMax) return wrong("too many topics");
  const exact = new Map<string, Grant>();
  const prefixes: (readonly [prefix: string, grant: Grant])[] = [];
  for (const [index, [pattern, list]] of topics.entries()) {
    const grant = compileGrant(list);
    const fault = typeof grant === "string" ? grant : patternFault(pattern);
    if (fault !== undefined || typeof grant === "string")
      // Not the pattern itself: this goes to the log, where nothing of a token belongs.
      return wrong(`topic ${index + 1}: ${fault}`);
    if (pattern.endsWith("*")) prefixes.push([pattern.slice(0, -1), grant]);
    else exact.set(pattern, grant);
  }
  return { ok: true, table: { forTopic: (topic) => combine(grantsFor(topic, exact, prefixes)) } };
}

/** Makes a table of a policy function. Only `true` grants. */
export function policyTable(policy: Policy): PermissionTable {
  const ask = (question: PermissionQuestion): boolean => {
    try {
      return policy(question) === true;
    } catch {
      return false; // As the contract of a policy says.
    }
  };
  return {
    forTopic: (topic) => ({
      get mayJoin() {
        return ask({ action: "join", topic, event: undefined });
      },
      get mayTrack() {
        return ask({ action: "presence", topic, event: undefined });
      },
      mayPush: (event) => ask({ action: "push", topic, event }),
    }),
  };
}

function wrong(fault: string): CompiledPermissions {
  return { ok: false, fault };
}

function patternFault(pattern: string): string | undefined {
  if (pattern.length > permissionLimits.patternLengthMax) return "the pattern is too long";
  if (pattern === "") return "a pattern must not be empty";
  const star = pattern.indexOf("*");
  return star >= 0 && star !== pattern.length - 1 ? "`*` may only be the last character" : undefined;
}

/** A text: what is wrong. */
function compileGrant(list: unknown): Grant | string {
  if (!Array.isArray(list)) return "permissions of a topic must be a list";
  if (list.length > permissionLimits.perTopicMax) return "too many permissions";
  const grant: Grant = { join: false, presence: false, push: false, events: new Set(), eventPrefixes: [] };
  for (const permission of list) {
    const fault = addPermission(grant, permission);
    if (fault !== undefined) return fault;
  }
  return grant;
}

function addPermission(grant: Grant, permission: unknown): string | undefined {
  if (typeof permission !== "string") return "a permission must be a text";
  if (permission === "*" || permission === "join") grant.join = true;
  if (permission === "*" || permission === "presence") grant.presence = true;
  if (permission === "*" || permission === "push") grant.push = true;
  if (["*", "join", "presence", "push"].includes(permission)) return undefined;
  if (!permission.startsWith("push:")) return "a permission is join, push, push:<event>, presence or *";
  const event = permission.slice("push:".length);
  const fault = patternFault(event);
  if (fault !== undefined) return fault;
  if (event.endsWith("*")) grant.eventPrefixes.push(event.slice(0, -1));
  else grant.events.add(event);
  return undefined;
}

/** Costs no more than reading all patterns once. */
function grantsFor(
  topic: string,
  exact: ReadonlyMap<string, Grant>,
  prefixes: readonly (readonly [prefix: string, grant: Grant])[],
): Grant[] {
  const grants: Grant[] = [];
  const own = exact.get(topic);
  if (own !== undefined) grants.push(own);
  for (const [prefix, grant] of prefixes) if (topic.startsWith(prefix)) grants.push(grant);
  return grants;
}

function combine(grants: readonly Grant[]): TopicPermissions {
  const all = grants.some(({ push }) => push);
  return {
    mayJoin: grants.some(({ join }) => join),
    mayTrack: grants.some(({ presence }) => presence),
    mayPush: (event) =>
      all ||
      grants.some(
        ({ events, eventPrefixes }) =>
          events.has(event) || eventPrefixes.some((prefix) => event.startsWith(prefix)),
      ),
  };
}

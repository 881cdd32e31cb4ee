import { parseAssertion } from "../report/assertion.js";
import { type FieldFault, Fields } from "./fields.js";
import type { HookSettings, LoadPlan, PublishSettings, SearchSettings } from "./plan.js";
import { sourceAddresses } from "./sources.js";

const connectionsMax = 10_000_000;
const rateMax = 10_000_000;
const topicsPerClientMax = 10_000;
const bytesMax = 16_777_216;
const secondsMax = 1_000;

const fieldNames = [
  ...["name", "url", "vsn", "connections", "ramp", "duration", "params", "headers", "authToken", "tokens"],
  ...["topics", "publish", "presence", "longPollShare", "slow", "churn", "storms", "hooks", "sources"],
  ...["heartbeat", "limits", "seed", "assert", "search"],
];

/** Fills a scenario's defaults in, or says what is wrong with it. */
export function parseScenario(value: unknown): LoadPlan | FieldFault[] {
  const faults: FieldFault[] = [];
  const fields = new Fields(value, "", faults, fieldNames);
  const plan = planOf(fields);
  return faults.length > 0 ? faults : plan;
}

function planOf(fields: Fields): LoadPlan {
  const connections = fields.number("connections", 1, 1, connectionsMax, true);
  if (!fields.has("connections")) fields.fault("connections", "how many clients");
  const topics = fields.within("topics", ["name", "perClient", "clientsPerTopic", "join"]);
  const presence = fields.within("presence", ["event", "payload"]);
  const slow = fields.within("slow", ["share", "pause"]);
  const limits = fields.within("limits", ["connect", "join", "ramp", "settle", "late"]);
  return {
    name: fields.text("name", "load"),
    urls: urls(fields),
    vsn: vsn(fields),
    connections,
    ramp: ramp(fields),
    durationMs: fields.duration("duration", 10_000, 100),
    params: fields.record("params"),
    headers: fields.record("headers"),
    authToken: fields.has("authToken") ? fields.text("authToken", "token") : null,
    tokens: fields.texts("tokens"),
    topics: {
      name: topics.text("name", "room:lobby"),
      perClient: topics.number("perClient", 1, 1, topicsPerClientMax, true),
      clientsPerTopic: topics.number("clientsPerTopic", connections, 1, connectionsMax, true),
      join: topics.json("join", {}),
    },
    publish: fields.has("publish") ? publish(fields, connections) : null,
    presence: {
      event: presence.has("event") ? presence.text("event", "presence") : null,
      payload: presence.json("payload", {}),
    },
    longPollShare: fields.number("longPollShare", 0, 0, 1),
    slow: { share: slow.number("share", 0, 0, 1), pauseMs: slow.duration("pause", 2_000, 10) },
    churn: fields.number("churn", 0, 0, rateMax),
    storms: fields
      .each("storms", ["at", "share"])
      .map((storm) => ({ atMs: storm.duration("at", 0), share: storm.number("share", 1, 0, 1) })),
    hooks: fields.each("hooks", ["at", "name", "run", "kill", "signal", "disruptive"]).map(hook),
    sources: sources(fields),
    heartbeatMs: fields.duration("heartbeat", 30_000, 1_000),
    limits: {
      connectMs: limits.duration("connect", 10_000, 100),
      joinMs: limits.duration("join", 10_000, 100),
      rampMs: limits.duration("ramp", 15_000, 100),
      settleMs: limits.duration("settle", 5_000, 100),
      lateMs: limits.duration("late", 1_000, 1),
    },
    seed: fields.number("seed", 1, 0, Number.MAX_SAFE_INTEGER, true),
    asserts: asserts(fields),
    search: fields.has("search") ? search(fields) : null,
  };
}

function urls(fields: Fields): string[] {
  const expected = "an address such as ws://localhost:4000/socket";
  const texts = fields.texts("url");
  const fits = (text: string) => URL.canParse(text) && /^wss?:$/.test(new URL(text).protocol);
  if (texts.length === 0 || !texts.every(fits)) fields.fault("url", expected);
  return texts;
}

function vsn(fields: Fields): 1 | 2 {
  const value = fields.raw("vsn") ?? 2;
  if (value === 1 || value === 2) return value;
  fields.fault("vsn", "1 or 2");
  return 2;
}

/** At most this many steps a second; a faster ramp takes more at a step. */
const stepsPerSecond = 50;

function ramp(fields: Fields): LoadPlan["ramp"] {
  if (typeof fields.raw("ramp") === "object") {
    const steps = fields.within("ramp", ["step", "every"]);
    if (!steps.has("every")) steps.fault("every", "the time between two steps");
    return {
      step: steps.number("step", 1, 1, connectionsMax, true),
      everyMs: steps.duration("every", 1_000, 1),
    };
  }
  const perSecond = fields.number("ramp", 500, 0.01, connectionsMax);
  const step = Math.max(1, Math.round(perSecond / stepsPerSecond));
  return { step, everyMs: (step / perSecond) * 1_000 };
}

function publish(fields: Fields, connections: number): PublishSettings {
  const known = ["event", "rate", "thinkTime", "bytes", "arrivals", "expect", "echo", "payload"];
  const inner = fields.within("publish", known);
  if (inner.has("rate") === inner.has("thinkTime")) inner.fault("rate", "either a rate or a thinkTime");
  const rate = inner.has("thinkTime")
    ? (connections * 1_000) / inner.duration("thinkTime", secondsMax, 1)
    : inner.number("rate", 1, 0.001, rateMax);
  const bytes = inner.raw("bytes") ?? 120;
  const bounds: unknown[] = Array.isArray(bytes) ? bytes : [bytes, bytes];
  const [min, max] = bounds;
  const isSize = (size: unknown): size is number =>
    typeof size === "number" && Number.isInteger(size) && size >= 0 && size <= bytesMax;
  const fits = bounds.length === 2 && isSize(min) && isSize(max) && min <= max;
  if (!fits) inner.fault("bytes", `a number of bytes up to ${bytesMax}, or [smallest, largest]`);
  const payload = inner.json("payload", "{message}");
  if (!JSON.stringify(payload).includes('"{message}"')) {
    inner.fault("payload", 'plain data with the text "{message}" somewhere in it');
  }
  return {
    event: inner.text("event", "shout"),
    rate,
    bytesMin: fits ? min : 0,
    bytesMax: fits ? max : 0,
    arrivals: inner.choice("arrivals", "even", ["even", "poisson"]),
    expect: inner.choice("expect", "broadcast", ["broadcast", "reply", "none"]),
    echo: inner.flag("echo", true),
    payload,
  };
}

function hook(fields: Fields, index: number): HookSettings {
  const kill = fields.has("kill") ? fields.number("kill", 2, 2, 4_194_304, true) : null;
  const run = fields.has("run") ? fields.text("run", "true") : null;
  if ((kill === null) === (run === null)) fields.fault("run", "either a command to run or a process to kill");
  return {
    atMs: fields.duration("at", 0),
    name: fields.text("name", run ?? `kill ${kill ?? index}`),
    run,
    kill,
    signal: fields.text("signal", "SIGKILL"),
    disruptive: fields.flag("disruptive", kill !== null),
  };
}

function sources(fields: Fields): string[] {
  return fields.texts("sources").flatMap((text) => {
    const addresses = sourceAddresses(text);
    if (addresses === undefined) fields.fault("sources", "addresses, or ranges such as 127.0.0.2-127.0.0.9");
    return addresses ?? [];
  });
}

function asserts(fields: Fields): string[] {
  const texts = fields.texts("assert");
  for (const text of texts) {
    const assertion = parseAssertion(text);
    if (typeof assertion === "string") fields.fault("assert", assertion);
  }
  return texts;
}

function search(fields: Fields): SearchSettings {
  const inner = fields.within("search", ["what", "bound", "from", "to", "runs"]);
  const bound = inner.text("bound", "lost == 0");
  const assertion = parseAssertion(bound);
  if (typeof assertion === "string") inner.fault("bound", assertion);
  const from = inner.number("from", 1, 1, connectionsMax);
  const to = inner.number("to", from, 1, connectionsMax);
  if (to < from) inner.fault("to", "no less than from");
  return {
    what: inner.choice("what", "connections", ["connections", "rate"]),
    bound,
    from,
    to,
    runs: inner.number("runs", 12, 1, 100, true),
  };
}

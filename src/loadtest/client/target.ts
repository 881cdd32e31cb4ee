import type { LoadPlan } from "../scenario/plan.js";
import { hasRole } from "../scenario/roles.js";
import { fillTemplate } from "../scenario/template.js";
import type { Handshake } from "../wire/handshake.js";
import { type Connection, type ConnectionOwner, WireConnection } from "./connection.js";
import { PollConnection } from "./poll-connection.js";

/** Opens the connection of a client: to its server, from its source, with its parameters. */
export function openConnection(
  plan: LoadPlan,
  run: string,
  client: number,
  owner: ConnectionOwner,
): Connection {
  const source = plan.sources[client % Math.max(1, plan.sources.length)];
  const target = targetOf(plan, run, client);
  const isPolling = hasRole(client, plan.longPollShare, "poll");
  return isPolling ? new PollConnection(target, source, owner) : new WireConnection(target, source, owner);
}

function targetOf(plan: LoadPlan, run: string, client: number): Handshake {
  const values = { client, run, token: plan.tokens[client % plan.tokens.length] ?? "" };
  const url = new URL(plan.urls[client % plan.urls.length] ?? "");
  if (!/\/(websocket|longpoll)$/.test(url.pathname))
    url.pathname = `${url.pathname.replace(/\/$/, "")}/websocket`;
  for (const [name, text] of Object.entries(plan.params))
    url.searchParams.set(name, fillTemplate(text, values));
  if (!url.searchParams.has("vsn")) url.searchParams.set("vsn", plan.vsn === 1 ? "1.0.0" : "2.0.0");
  const headers = Object.entries(plan.headers).map(
    ([name, text]) => [name, fillTemplate(text, values)] as const,
  );
  const authToken = plan.authToken === null ? null : fillTemplate(plan.authToken, values);
  return { url, headers: Object.fromEntries(headers), authToken };
}

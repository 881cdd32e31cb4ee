import { randomBytes } from "node:crypto";
import { availableParallelism, loadavg } from "node:os";
import { until } from "../wait.js";
import { Chronicle } from "./chronicle.js";
import type { Host, HostNetwork } from "./host-network.js";
import { HostNode } from "./host-node.js";

const nameOf = (text: string): string | undefined => / node=(\S+)/.exec(text)?.[1];

/** Nodes on hosts of one network, and what they tell of each other. */
export class HostCluster {
  readonly network: HostNetwork;
  readonly chronicle: Chronicle;
  readonly secret = randomBytes(32).toString("base64");
  /** Every node that was ever started, in order. */
  readonly all: HostNode[] = [];

  constructor(network: HostNetwork, title: string) {
    this.network = network;
    this.chronicle = new Chronicle(title, () => this.all);
  }

  /** Starts a node; does not wait. */
  start(host: Host, args: readonly string[], secret = this.secret, label?: string): HostNode {
    const node = new HostNode(host, args, secret, label);
    this.all.push(node);
    return node;
  }

  /** Ends every node, prints what they saw, removes the network. */
  async close(): Promise<void> {
    this.chronicle.end();
    await Promise.all(this.all.map((node) => node.kill()));
    this.chronicle.publish();
    await this.network.close();
  }

  /** Waits until these nodes see each other and nobody else, by their own words. */
  async untilWhole(nodes: readonly HostNode[], timeoutMs = 20_000): Promise<void> {
    const names = await Promise.all(nodes.map((node) => node.name()));
    await until(
      async () => {
        const views = await Promise.all(nodes.map((node) => node.view()));
        return views.every((view) => sameNames([...view.nodes, view.name], names));
      },
      `${nodes.map(({ label }) => label).join(", ")} see each other`,
      timeoutMs,
    );
  }

  /** Waits until each of `nodes` has said since then that it sees none of `gone`; how long the last one took. */
  async untilLost(nodes: readonly HostNode[], gone: readonly HostNode[], sinceMs: number): Promise<number> {
    const names = await Promise.all(gone.map((node) => node.name()));
    const lost = await until(
      () => {
        const events = nodes.flatMap((node) => {
          const lines = [...node.since(sinceMs, "mesh node lost"), ...node.since(sinceMs, "mesh node left")];
          return names.map((name) => lines.find(({ text }) => nameOf(text) === name));
        });
        // Narrowed by hand: `every` does not do it for what comes out of a flatMap.
        return events.includes(undefined) ? undefined : events.map((event) => event?.atMs ?? 0);
      },
      `${nodes.map(({ label }) => label).join(", ")} notice that ${gone.map(({ label }) => label).join(", ")} are gone`,
      20_000,
    );
    return Math.max(...lost) - sinceMs;
  }

  /** When, since then, a node last came up for one of these. */
  lastUp(nodes: readonly HostNode[], sinceMs: number): number {
    const ups = nodes.flatMap((node) => node.since(sinceMs, "mesh node up").map(({ atMs }) => atMs));
    return Math.max(...ups) - sinceMs;
  }

  /** Where others reach the mesh of a node, by what they were told. */
  async meshAddress(node: HostNode): Promise<string> {
    const name = await node.name();
    for (const { text } of this.all.flatMap(({ events }) => events)) {
      const [, address] = / address=(\S+) /.exec(text) ?? [];
      // The node that was there before it had another name.
      if (address !== undefined && nameOf(text) === name) return address;
    }
    throw new Error(`nobody has found ${node.label}`);
  }

  /** Lines of these nodes' logs that begin like this, since then, as `h1: text`. */
  lines(nodes: readonly HostNode[], sinceMs: number, beginning: string): string[] {
    return nodes.flatMap((node) =>
      node.since(sinceMs, beginning).map(({ text }) => `${node.label}: ${text}`),
    );
  }
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && b.every((name) => a.includes(name));
}

/**
 * The bound of what is promised within that time: on a machine that has more to do than it has processors for, as much
 * longer as everything takes there.
 */
export function promised(ms: number): number {
  const [busy = 0] = loadavg();
  return ms * Math.max(1, busy / availableParallelism());
}

/** Seconds, for the summary. */
export const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

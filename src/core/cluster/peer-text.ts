/** A node as people and files write it: where it is and, perhaps, who. */
export interface PeerText {
  readonly name: string | undefined;
  readonly host: string;
  readonly port: number;
}

/** Reads `name@host:port`, `host:port` or `[ipv6]:port`; undefined for anything else. */
export function parsePeerText(text: string): PeerText | undefined {
  const at = text.lastIndexOf("@");
  const match = /^(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([^\s:[\]@]+)):(\d{1,5})$/.exec(text.slice(at + 1));
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || at === 0 || port < 1 || port > 65_535) return undefined;
  return { name: at < 0 ? undefined : text.slice(0, at), host, port };
}

/** `host:port`, with brackets around an IPv6 host: the key by which addresses are told apart. */
export function formatHostPort({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Why a node does not want a link. The number travels in a refuse frame; the text is for the log. */
export const refusals = {
  version: { code: 1, text: "no wire version in common" },
  secret: { code: 2, text: "the secret is wrong or missing" },
  duplicate_name: { code: 3, text: "another living node has the same name" },
  already_linked: { code: 4, text: "the two nodes are linked already" },
  self: { code: 5, text: "the address is the node's own" },
  name_unexpected: { code: 6, text: "another node was expected at this address" },
  links_full: { code: 7, text: "the node has as many links as it may have" },
  leaving: { code: 8, text: "the node is leaving" },
  protocol: { code: 9, text: "the handshake was not understood" },
} as const satisfies Record<string, { code: number; text: string }>;

/** Name of a refusal. */
export type Refusal = keyof typeof refusals;

const byCode = new Map<number, Refusal>();
for (const [name, { code }] of Object.entries(refusals)) {
  // Object.entries widens the key; the keys of the table are its names.
  byCode.set(code, name as Refusal);
}

/** The refusal of a code; a code that this build does not know counts as `protocol`. */
export function refusalOf(code: number | undefined): Refusal {
  return byCode.get(code ?? 0) ?? "protocol";
}

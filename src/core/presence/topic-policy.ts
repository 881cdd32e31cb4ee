/** How the changes of one topic reach its clients. */
export type TopicPolicy = Delivery & {
  /**
   * How long a leave is held back for the same key to join elsewhere; the two then reach clients as one update.
   * 0: not at all, as Phoenix.
   */
  readonly graceMs: number;
};

/** What clients of a topic are sent. */
export type Delivery =
  /** Every diff at once, as Phoenix. */
  | { readonly mode: "every" }
  /** One diff for each window. */
  | { readonly mode: "coalesced"; readonly windowMs: number }
  /** How many are present, once for each window with a change; nobody by name. */
  | { readonly mode: "counts"; readonly windowMs: number }
  /** Diffs about `first` keys, and how many are present; once for each window with a change. */
  | { readonly mode: "first"; readonly first: number; readonly windowMs: number };

/** Phoenix's behaviour. */
export const defaultPolicy: TopicPolicy = { mode: "every", graceMs: 0 };

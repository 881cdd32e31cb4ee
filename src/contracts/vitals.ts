/** How hard this process works, injected so that a simulator can say it. */
export interface Vitals {
  /**
   * Share of time, 0 to 1, that the event loop was busy since it was last measured. MAY be the last measurement again
   * when that was a moment ago.
   */
  eventLoop(): number;
  /** Resident memory of the process. */
  rssBytes(): number;
}

/** A broken promise inside this library: a bug, never a peer's fault. It ends one channel, not the process. */
export class AssertionFault extends Error {
  override readonly name = "AssertionFault";
}

/** Throws an {@link AssertionFault} unless `condition` holds. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionFault(message);
}

/** Closes a switch over a union: does not compile while a case is missing. */
export function unreachable(value: never): never {
  throw new AssertionFault(`unreachable: ${String(value)}`);
}

/** One promise of a contract, as data: any runner binds it. */
export interface ContractCase<Env, Capability extends string = never> {
  /** Reads as a sentence about the implementation. */
  readonly name: string;
  /** What an implementation must be capable of for the promise to mean anything. */
  readonly needs: readonly Capability[];
  /** Rejects with a {@link ContractBreach} when the promise is broken. */
  run(env: Env): Promise<void>;
}

/** An implementation broke a promise of its contract. */
export class ContractBreach extends Error {
  override readonly name = "ContractBreach";
}

/** Throws a {@link ContractBreach} unless `condition` holds. */
export function check(condition: unknown, message: string): asserts condition {
  if (!condition) throw new ContractBreach(message);
}

/** Throws a {@link ContractBreach} unless both values are the same JSON. */
export function checkSame(actual: unknown, expected: unknown, what: string): void {
  const [a, e] = [JSON.stringify(actual), JSON.stringify(expected)];
  check(a === e, `${what}: expected ${shorten(e)}, got ${shorten(a)}`);
}

function shorten(text: string | undefined): string {
  if (text === undefined) return "nothing";
  return text.length <= 400 ? text : `${text.slice(0, 400)}… (${text.length} characters)`;
}

/** Splits cases into those that an implementation is bound to, and those it declares itself incapable of. */
export function bindCases<Env, Capability extends string>(
  cases: readonly ContractCase<Env, Capability>[],
  missing: Partial<Record<Capability, string>>,
): {
  readonly bound: readonly ContractCase<Env, Capability>[];
  readonly unbound: readonly { readonly name: string; readonly reason: string }[];
} {
  const bound: ContractCase<Env, Capability>[] = [];
  const unbound: { name: string; reason: string }[] = [];
  for (const one of cases) {
    const lacking = one.needs.find((capability) => missing[capability] !== undefined);
    const reason = lacking === undefined ? undefined : missing[lacking];
    if (reason === undefined) bound.push(one);
    else unbound.push({ name: one.name, reason });
  }
  return { bound, unbound };
}

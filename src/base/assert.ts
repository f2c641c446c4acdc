// Assertions, for bugs of Crossover alone. What a client, a node or a file can send is an error of the
// catalog instead.

/** Throws when an invariant of Crossover's own code is broken. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`);
}

/** The default branch of an exhaustive switch: fails to compile when a case is missing. */
export function unreachable(value: never): never {
  throw new Error(`invariant broken: unexpected ${String(value)}`);
}

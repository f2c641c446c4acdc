// Assertions for our own bugs only: what a client, node or file can send is an operating error with a catalog code.

/** Throws when an invariant of our own code is broken. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`);
}

/** The default branch of an exhaustive switch: fails to compile when a case is missing. */
export function unreachable(value: never): never {
  throw new Error(`invariant broken: unexpected ${String(value)}`);
}

// How the files that resolve a section report problems, and how they skip list items that were removed for
// not fitting the schema.
import type { ConfigPath } from './yaml-source.ts';

/**
 * Reports a problem of the setting at a path. The configuration is not used then, so the caller goes on with
 * any value. `other` is a second setting that the problem depends on: when that one has a problem of its own,
 * this one is left out.
 */
export type Report = (path: ConfigPath, message: string, hint: string | null, other?: ConfigPath) => void;

/** The items of a list with their indices, without those that were removed. */
export function* itemsOf<T>(list: readonly T[]): Generator<readonly [number, T]> {
  for (const [index, item] of list.entries()) if (item !== undefined) yield [index, item];
}

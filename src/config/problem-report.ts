// How the resolving files say what is wrong, and step over what the schema check already took out.
import type { ConfigPath } from './yaml-source.ts';

/**
 * Notes a problem at a path; the config is then not used, so any value may stand in. `other` is a second setting that the
 * problem rests on: when that one is wrong in itself, the problem is left out.
 */
export type Report = (path: ConfigPath, message: string, hint: string | null, other?: ConfigPath) => void;

/** List items with their places, without the holes that items of the wrong form left. */
export function* itemsOf<T>(list: readonly T[]): Generator<readonly [number, T]> {
  for (const [index, item] of list.entries()) if (item !== undefined) yield [index, item];
}

// Which changes of a configuration can take effect while the process runs, and which were fixed when it
// started.
import type { Config } from './config.ts';

interface RefusedChange {
  /** Dotted path of the setting as it is written in the file. */
  readonly path: string;
  readonly reason: string;
}

interface ConfigChanges {
  /**
   * Dotted paths of the settings that changed and take effect at once; those of `rollout` with the next
   * rollout.
   */
  readonly live: readonly string[];
  readonly refused: readonly RefusedChange[];
}

/**
 * Sections that are fixed at the start, and why. All others can be reloaded; docs/config.md has it in its
 * column `Reload`.
 */
const fixedAtStart: Readonly<Record<string, string>> = {
  listen: 'listeners are opened when the process starts; restart it to move them',
  workers:
    'threads and their counters in shared memory are made when the process starts; restart it to change their number',
  transport: 'workers choose their sockets when they start; restart the process to change it',
  store: 'the store is opened when the process starts; restart it to move it',
};

/** When a change of the setting takes effect. */
export function reloadOf(path: string): 'live' | 'next rollout' | 'restart' {
  const section = path.split('.')[0] as string;
  if (section in fixedAtStart) return 'restart';
  return section === 'rollout' ? 'next rollout' : 'live';
}

type Dict = Readonly<Record<string, unknown>>;
const isDict = (value: unknown): value is Dict =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The name of a setting in the file, where it has no unit: `rollout.bake` for `rollout.bakeMs`. */
const writtenName = (key: string): string => key.replace(/(Ms|Ppm)$/, '');

/**
 * Settings that are named as a whole when a part of them changes: in the file they are one value, or are read
 * as one.
 */
const wholeValues = new Set([
  'listen.proxy',
  'listen.control',
  'listen.admin',
  'routing.sticky',
  'routing.override',
]);

function changedPaths(before: unknown, after: unknown, path: string): string[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (wholeValues.has(path) || (path !== '' && (!isDict(before) || !isDict(after)))) return [path];
  const keys = new Set([...Object.keys(before as Dict), ...Object.keys(after as Dict)]);
  return [...keys].flatMap((key) => {
    const child = path === '' ? writtenName(key) : `${path}.${writtenName(key)}`;
    return changedPaths((before as Dict)[key], (after as Dict)[key], child);
  });
}

/**
 * The differences between two valid configurations: those that can take effect now, and those that cannot.
 */
export function classifyChanges(old: Config, next: Config): ConfigChanges {
  const paths = changedPaths(old, next, '');
  const reasonOf = (path: string) => fixedAtStart[path.split('.')[0] as string];
  return {
    live: paths.filter((path) => reasonOf(path) === undefined),
    refused: paths.flatMap((path) => {
      const reason = reasonOf(path);
      return reason === undefined ? [] : [{ path, reason }];
    }),
  };
}

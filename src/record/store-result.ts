// What every call of the store returns: a value, or a problem in plain words. The store never throws at its
// callers, because what it runs on (disk, permissions, other processes) is not ours.
import { statSync } from 'node:fs';

type StoreProblemKind =
  | 'unavailable'
  | 'newer-schema'
  | 'corrupt'
  | 'full'
  | 'read-only'
  | 'locked'
  | 'in-use'
  | 'foreign'
  | 'lost'
  | 'replaced'
  | 'tampered'
  | 'key'
  | 'mark'
  | 'hanging'
  | 'io';

export interface StoreProblem {
  readonly kind: StoreProblemKind;
  /** One sentence with what to do about it. */
  readonly text: string;
}

export type StoreResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: StoreProblem };

export const done: StoreResult<undefined> = { ok: true, value: undefined };

/** SQLite primary result codes (https://www.sqlite.org/rescode.html), the low byte of an extended code. */
const kindByCode: Readonly<Record<number, StoreProblemKind>> = {
  5: 'locked',
  6: 'locked',
  8: 'read-only',
  11: 'corrupt',
  13: 'full',
  14: 'unavailable',
  26: 'foreign',
};

const advice: Readonly<Record<StoreProblemKind, string>> = {
  unavailable: 'cannot be opened; check the path and its permissions',
  'newer-schema': 'was written by a newer version of Crossover; run that version or choose another file',
  corrupt: 'is damaged; move the file away (and keep it) or restore it from a backup',
  full: 'cannot grow; free space on its disk',
  'read-only': 'is read-only; make the file and its directory writable',
  locked: 'is locked by another process; stop that process',
  'in-use': 'is in use by another Crossover; stop that one first, or give this one another file',
  foreign: 'is not one: an SQLite database that Crossover has written was expected; give another file',
  lost: 'is gone or empty, although there was a record: put the file back or restore it from a copy; it is not begun anew by itself',
  replaced:
    'is not the file that this process has written to, and is left as it is: put that one back, or restart Crossover to go on with this one',
  tampered:
    'was changed by something else than Crossover; move the file away (and keep it), or restore it from a copy',
  key: 'cannot be used without the right key',
  mark: 'is not gone by while the mark beside it cannot be read: that may know of a revert that the store does not have. Make it readable, or remove it to go on with what the store has',
  hanging: 'does not answer; look at its disk',
  io: 'cannot be read or written',
};

/** Turns what node:sqlite or node:fs threw into a problem. */
export function problemFrom(error: unknown, file: string): StoreProblem {
  const kind = kindOf(error);
  if ((kind === 'unavailable' || kind === 'io') && isFolder(file))
    return problemOf('unavailable', file, 'it is a folder, not a file');
  return problemOf(kind, file, messageOf(error));
}

export function problemOf(kind: StoreProblemKind, file: string, cause: string): StoreProblem {
  return { kind, text: `The store ${file} ${advice[kind]} (${cause}).` };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function isFolder(file: string): boolean {
  try {
    return statSync(file).isDirectory();
  } catch {
    return false;
  }
}

function kindOf(error: unknown): StoreProblemKind {
  if (typeof error !== 'object' || error === null) return 'io';
  if ('errcode' in error && typeof error.errcode === 'number')
    return kindByCode[error.errcode & 0xff] ?? 'io';
  if ('code' in error && error.code === 'ENOSPC') return 'full';
  if ('code' in error && error.code === 'EROFS') return 'read-only';
  return 'unavailable';
}

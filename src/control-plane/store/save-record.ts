// Saves a record whose file was removed or replaced while it was open: the open handle is the only way to it,
// until it is closed.
import { existsSync, renameSync, rmSync } from 'node:fs';
import type { Store } from '#src/record/store.ts';
import {
  done,
  problemFrom,
  problemOf,
  type StoreProblem,
  type StoreResult,
} from '#src/record/store-result.ts';
import { makePrivateFile } from './private-files.ts';
import type { FileChange } from './store-files.ts';

interface Saved {
  /** What has happened, where the record is now and what to do. */
  readonly problem: StoreProblem;
  /** Whether the handle is still the only way to it. */
  readonly isUnsaved: boolean;
}

/**
 * Nothing that has a name now is written over. `ownLogs`: what SQLite keeps beside the database and still
 * belongs to it.
 */
export function saveFrom(store: Store, change: FileChange, ownLogs: readonly string[]): Saved {
  return change.part === 'store' ? saveToCopy(store, change, ownLogs) : saveToStore(store, change);
}

/** The database's name is gone or another file's: all of the record goes to a new one beside it. */
function saveToCopy(store: Store, { file, isReplaced }: FileChange, ownLogs: readonly string[]): Saved {
  const copy = freeName(`${file}.saved`);
  const written = attempt(file, () => makePrivateFile(copy));
  const copied = written.ok ? store.copyTo(copy) : written;
  const happened = `it was ${isReplaced ? 'replaced' : 'removed'} while Crossover used it`;
  const kind = isReplaced ? 'replaced' : 'lost';
  if (copied.ok) {
    // SQLite would put what a log holds into whatever file has the name before it.
    for (const log of ownLogs) rmSync(log, { force: true });
    const cause = `${happened}; all that was on record is in ${copy}: move that to ${file}, and it goes on by itself`;
    return { problem: problemOf(kind, file, cause), isUnsaved: false };
  }
  if (written.ok) rmSync(copy, { force: true });
  const cause = `${happened}; what was on record could not be saved beside it: ${copied.problem.text} It is tried again until this process ends`;
  return { problem: problemOf(kind, file, cause), isUnsaved: true };
}

/**
 * Only what SQLite keeps beside the database is gone: the handle still has it, and moves it into the
 * database.
 */
function saveToStore(store: Store, { file, isReplaced }: FileChange): Saved {
  // SQLite removes the log by its name when it closes.
  const moved = isReplaced ? attempt(file, () => renameSync(file, freeName(`${file}.foreign`))) : done;
  const saved = moved.ok ? store.emptyLog() : moved;
  const happened = `${file} was ${isReplaced ? 'replaced' : 'removed'} while Crossover used it`;
  const cause = saved.ok
    ? `${happened}; what it held was saved, and it goes on by itself`
    : `${happened}; what it held could not be saved: ${saved.problem.text}`;
  return { problem: problemOf('lost', store.file, cause), isUnsaved: !saved.ok };
}

/** A name that no file has. */
function freeName(name: string): string {
  for (let count = 1; ; count++) {
    const free = `${name}-${count}`;
    if (!existsSync(free)) return free;
  }
}

function attempt(file: string, action: () => void): StoreResult<undefined> {
  try {
    action();
    return done;
  } catch (error) {
    return { ok: false, problem: problemFrom(error, file) };
  }
}

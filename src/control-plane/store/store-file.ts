// The store's file before SQLite sees it: what is there, whether it may be taken for a new one, and how a new
// one is made. An empty file where there was a record is a loss and no beginning.
import { closeSync, fsyncSync, lstatSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Journal } from '#src/record/journal.ts';
import { migrate } from '#src/record/migrations.ts';
import type { RecordEnd, RecordKey } from '#src/record/record-end.ts';
import { alienFile } from '#src/record/record-file.ts';
import { RecordReader } from '#src/record/record-reader.ts';
import { markFileOf } from '#src/record/revert-mark.ts';
import { problemOf, type StoreProblem } from '#src/record/store-result.ts';
import { closeToOthers, makePrivateFile, makePrivateFolder } from './private-files.ts';

/** What is known of the record that a file should hold. */
export interface ExpectedRecord {
  /** Where it ended when last seen; null when only that there was one is known. */
  readonly end: RecordEnd | null;
  /**
   * Whether this process or the one before it has written to it; else the mark beside it tells of it, and it
   * may be a copy.
   */
  readonly isOurs: boolean;
  /** What tells of it, in words. */
  readonly source: string;
}

interface PrepareOptions {
  /** Null when nothing is known. */
  readonly expected: ExpectedRecord | null;
  /** Whether an earlier process had locked a store of this name: it left no empty one. */
  readonly wasLocked: boolean;
  /** Signs a new record; null where nothing does. */
  readonly key: RecordKey | null;
}

/**
 * Makes the file where there is none and none is expected. Returns whether it is a new one, or why it is left
 * alone.
 */
export function prepareStoreFile(
  file: string,
  { expected, wasLocked, key }: PrepareOptions,
): { readonly isNew: boolean } | StoreProblem {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found !== undefined && (!found.isFile() || found.size > 0)) {
    closeAllToOthers(file);
    return alienFile(file) ?? { isNew: false };
  }
  if (expected !== null) {
    const anew = expected.isOurs ? '' : `; to begin anew, remove ${markFileOf(file)} too`;
    return problemOf('lost', file, `${expected.source} tells of one${anew}`);
  }
  if (found !== undefined && wasLocked)
    return problemOf('lost', file, `${file}.lock tells of one; to begin anew, remove both`);
  if ((statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0)
    return problemOf('lost', file, `its write-ahead log ${file}-wal is still there`);
  makePrivateFolder(dirname(file));
  // What a link leads to is made where it leads to, by SQLite.
  if (lstatSync(file, { throwIfNoEntry: false }) === undefined) makeStore(file, key);
  else closeAllToOthers(file);
  return { isNew: true };
}

/**
 * Under its name only when it is whole: a process that is killed meanwhile leaves nothing that looks like a
 * store without a record.
 */
function makeStore(file: string, key: RecordKey | null): void {
  const unfinished = `${file}.new`;
  for (const suffix of ['', '-journal']) rmSync(`${unfinished}${suffix}`, { force: true });
  makePrivateFile(unfinished);
  const db = new DatabaseSync(unfinished);
  try {
    migrate(db);
    signAnew(db, key);
  } finally {
    db.close();
  }
  renameSync(unfinished, file);
  flushFolder(dirname(file));
}

/** Signs the end as it is. */
export function signAnew(db: DatabaseSync, key: RecordKey | null): void {
  const kept = new RecordReader(db).journalEnd();
  if (key !== null && kept !== null) new Journal(db, key).sign(kept.end);
}

function flushFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The file and what SQLite keeps beside it, which an earlier version left readable by all. */
function closeAllToOthers(file: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) closeToOthers(`${file}${suffix}`);
}

// The record of a store file that no Crossover may be running on: to check it, or to make a report of it. The
// file is not changed, not even brought up to date.
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import type { RecordAccess } from './record-access.ts';
import { RecordReader } from './record-reader.ts';
import { refusedSchema } from './schema-check.ts';
import { problemFrom, problemOf, type StoreProblem, type StoreResult } from './store-result.ts';

interface RecordFile extends RecordAccess {
  close(): void;
}

/**
 * Opens a store file for reading. Refuses those of newer versions, and files that are no store. What is read
 * of it is of one moment, also while a Crossover writes to it.
 */
export function openRecordFile(file: string): StoreResult<RecordFile> {
  let db: DatabaseSync | null = null;
  try {
    const alien = alienFile(file);
    if (alien !== null) return { ok: false, problem: alien };
    db = new DatabaseSync(addressOf(file), { readOnly: true });
    const problem = refusedSchema(db, file);
    if (problem === null) {
      db.exec('BEGIN');
      return { ok: true, value: recordFile(db, file) };
    }
    db.close();
    return { ok: false, problem };
  } catch (error) {
    if (db?.isOpen) db.close();
    return { ok: false, problem: problemFrom(error, file) };
  }
}

/** https://www.sqlite.org/fileformat.html#magic_header_string */
const magic = 'SQLite format 3\0';

/**
 * Why a file cannot be a store, before SQLite sees it; null when it may be one. Opens nothing that could be
 * waited for.
 */
export function alienFile(file: string): StoreProblem | null {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) return problemOf('unavailable', file, 'there is no such file');
  if (found.isDirectory()) return problemOf('foreign', file, 'it is a folder');
  if (!found.isFile()) return problemOf('foreign', file, 'it is not a regular file');
  if (found.size === 0) return problemOf('foreign', file, 'it is empty');
  const head = Buffer.alloc(magic.length);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, head, 0, head.length, 0);
  } finally {
    closeSync(descriptor);
  }
  if (head.toString('latin1') === magic) return null;
  return problemOf('foreign', file, `it begins with ${JSON.stringify(head.toString('latin1'))}`);
}

/**
 * Without a write-ahead log beside it nobody has the file open, and it is read as it is: otherwise SQLite
 * would leave an empty log behind, or fail where it may not write one.
 */
function addressOf(file: string): URL {
  const url = pathToFileURL(resolve(file));
  if (!existsSync(`${file}-wal`)) url.search = '?immutable=1';
  return url;
}

function recordFile(db: DatabaseSync, file: string): RecordFile {
  const reader = new RecordReader(db);
  return {
    readRecord(query) {
      try {
        return { ok: true, value: query(reader) };
      } catch (error) {
        return { ok: false, problem: problemFrom(error, file) };
      }
    },
    close: () => {
      if (db.isOpen) db.close();
    },
  };
}

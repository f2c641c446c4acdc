// The record of a store file that no Crossover may be running on: to check it, or to make a report of it. The
// file is not changed, not even brought up to date.
import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { newerSchema, readSchemaVersion } from './migrations.ts';
import type { RecordAccess } from './record-check.ts';
import { RecordReader } from './record-reader.ts';
import { problemFrom, problemOf, type StoreResult } from './store-result.ts';

interface RecordFile extends RecordAccess {
  close(): void;
}

/** Opens a store file for reading. Refuses those of newer versions, and files that are no store. */
export function openRecordFile(file: string): StoreResult<RecordFile> {
  let db: DatabaseSync | null = null;
  try {
    statSync(file);
    db = new DatabaseSync(addressOf(file), { readOnly: true });
    const refusal = refusalOf(db);
    if (refusal === null) return { ok: true, value: recordFile(db, file) };
    db.close();
    return { ok: false, problem: problemOf(refusal.kind, file, refusal.cause) };
  } catch (error) {
    if (db?.isOpen) db.close();
    return { ok: false, problem: problemFrom(error, file) };
  }
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

function refusalOf(db: DatabaseSync): { kind: 'newer-schema' | 'corrupt'; cause: string } | null {
  const newer = newerSchema(db);
  if (newer !== null) return { kind: 'newer-schema', cause: newer };
  return readSchemaVersion(db) === 0 ? { kind: 'corrupt', cause: 'it holds no record of Crossover' } : null;
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

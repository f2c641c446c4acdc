// Signs a record that was not signed before, or with another key, once somebody who has the key asks for it:
// a Crossover that is given a key does not sign what it finds, or whoever can write the file could have it
// sign a record of their own.
import { DatabaseSync } from 'node:sqlite';
import { migrate } from '#src/record/migrations.ts';
import { checkRecordNow, type RecordCheck } from '#src/record/record-check.ts';
import type { RecordKey } from '#src/record/record-end.ts';
import { alienFile } from '#src/record/record-file.ts';
import { RecordReader } from '#src/record/record-reader.ts';
import { refusedSchema } from '#src/record/schema-check.ts';
import { problemFrom, type StoreResult } from '#src/record/store-result.ts';
import { signAnew } from './store-file.ts';
import { StoreLock } from './store-lock.ts';

/**
 * Brings the file up to date and signs it if its record is intact, which the answer tells. Refused while a
 * Crossover has it.
 */
export function signRecord(file: string, key: RecordKey): StoreResult<RecordCheck> {
  const alien = alienFile(file);
  if (alien !== null) return { ok: false, problem: alien };
  const lock = new StoreLock(file);
  const locked = lock.take();
  if (!locked.ok) return locked;
  let db: DatabaseSync | null = null;
  try {
    db = new DatabaseSync(file);
    const refused = refusedSchema(db, file);
    if (refused !== null) return { ok: false, problem: refused };
    migrate(db);
    return signIntact(db, file, key);
  } catch (error) {
    return { ok: false, problem: problemFrom(error, file) };
  } finally {
    if (db?.isOpen) db.close();
    lock.release();
  }
}

function signIntact(db: DatabaseSync, file: string, key: RecordKey): StoreResult<RecordCheck> {
  const record = new RecordReader(db);
  const access = {
    readRecord<T>(query: (record: RecordReader) => T): StoreResult<T> {
      try {
        return { ok: true, value: query(record) };
      } catch (error) {
        return { ok: false, problem: problemFrom(error, file) };
      }
    },
  };
  const before = checkRecordNow(access);
  if (!before.ok || !before.value.intact) return before;
  signAnew(db, key);
  return checkRecordNow(access, { key });
}

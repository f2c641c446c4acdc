// Which version of the schema a file has: a number that SQLite keeps for us in the file's head.
import type { DatabaseSync } from 'node:sqlite';

/** 0 for a file that no version of ours has written. */
export function readSchemaVersion(db: DatabaseSync): number {
  const row = db.prepare('PRAGMA user_version').get();
  return Number(row?.user_version ?? 0);
}

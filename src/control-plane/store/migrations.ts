// The schema's history: each entry takes the file from its index to the next version. Append only.
import type { DatabaseSync } from 'node:sqlite';

/** Records that triggers refuse to change or remove. */
const appendOnly = (table: string): string => `
  CREATE TRIGGER ${table}_no_update BEFORE UPDATE ON ${table} BEGIN SELECT RAISE(ABORT, '${table} are append-only'); END;
  CREATE TRIGGER ${table}_no_delete BEFORE DELETE ON ${table} BEGIN SELECT RAISE(ABORT, '${table} are append-only'); END;
`;

export const migrations: readonly string[] = [
  `CREATE TABLE transitions (
     id INTEGER PRIMARY KEY,
     record TEXT NOT NULL,
     prev_hash TEXT NOT NULL,
     hash TEXT NOT NULL
   ) STRICT;
   CREATE TABLE events (
     id INTEGER PRIMARY KEY,
     record TEXT NOT NULL,
     prev_hash TEXT NOT NULL,
     hash TEXT NOT NULL
   ) STRICT;
   CREATE TABLE rollout (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL) STRICT;
   CREATE TABLE analysis (id INTEGER PRIMARY KEY CHECK (id = 1), at_ms REAL NOT NULL, snapshot TEXT NOT NULL) STRICT;
   ${appendOnly('transitions')}
   ${appendOnly('events')}`,
  `CREATE TABLE configs (
     id INTEGER PRIMARY KEY,
     at_ms REAL NOT NULL,
     sha256 TEXT NOT NULL,
     config TEXT NOT NULL
   ) STRICT;
   CREATE TABLE minutes (at_ms INTEGER PRIMARY KEY, traffic TEXT NOT NULL) STRICT;`,
  'CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;',
  `CREATE TABLE traffic (at_ms INTEGER PRIMARY KEY, windows BLOB NOT NULL) STRICT;`,
];

export const schemaVersion = migrations.length;

export function readSchemaVersion(db: DatabaseSync): number {
  const row = db.prepare('PRAGMA user_version').get();
  return Number(row?.user_version ?? 0);
}

/** Brings an older file to the present schema, all steps or none. A newer one must have been refused before. */
export function migrate(db: DatabaseSync): void {
  const from = readSchemaVersion(db);
  if (from === schemaVersion) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    for (const step of migrations.slice(from)) db.exec(step);
    db.exec(`PRAGMA user_version = ${schemaVersion}`);
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

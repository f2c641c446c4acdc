// The schema's history: each entry takes the file from its index to the next version. Append only.
import type { DatabaseSync } from 'node:sqlite';
import { chainHash, chainStart } from './hash-chain.ts';
import { recordTextOf } from './record-reader.ts';

/** Records that triggers refuse to change or remove. */
const appendOnly = (table: string): string => `
  CREATE TRIGGER ${table}_no_update BEFORE UPDATE ON ${table} BEGIN SELECT RAISE(ABORT, '${table} are append-only'); END;
  CREATE TRIGGER ${table}_no_delete BEFORE DELETE ON ${table} BEGIN SELECT RAISE(ABORT, '${table} are append-only'); END;
`;

type Migration = string | ((db: DatabaseSync) => void);

export const migrations: readonly Migration[] = [
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
  chainConfigsAndEvidence,
];

/** The chain begins with the configs that are there; their times and texts are what they were. */
function chainConfigsAndEvidence(db: DatabaseSync): void {
  db.exec(`
    ALTER TABLE configs ADD COLUMN prev_hash TEXT NOT NULL DEFAULT '';
    ALTER TABLE configs ADD COLUMN hash TEXT NOT NULL DEFAULT '';`);
  let previousHash = chainStart;
  const put = db.prepare('UPDATE configs SET prev_hash = ?, hash = ? WHERE id = ?');
  for (const row of db
    .prepare(`SELECT id, ${recordTextOf.configs} AS record FROM configs ORDER BY id`)
    .all()) {
    const hash = chainHash(previousHash, String(row.record));
    put.run(previousHash, hash, Number(row.id));
    previousHash = hash;
  }
  db.exec(`
    CREATE TABLE evidence (
      id INTEGER PRIMARY KEY,
      record TEXT NOT NULL,
      prev_hash TEXT NOT NULL,
      hash TEXT NOT NULL
    ) STRICT;
    CREATE TABLE chain_ends (chain TEXT PRIMARY KEY, id INTEGER NOT NULL, hash TEXT NOT NULL) STRICT;
    INSERT INTO chain_ends SELECT 'events', id, hash FROM events ORDER BY id DESC LIMIT 1;
    INSERT INTO chain_ends SELECT 'transitions', id, hash FROM transitions ORDER BY id DESC LIMIT 1;
    INSERT INTO chain_ends SELECT 'configs', id, hash FROM configs ORDER BY id DESC LIMIT 1;
    ${appendOnly('configs')}
    ${appendOnly('evidence')}`);
}

export const schemaVersion = migrations.length;

export function readSchemaVersion(db: DatabaseSync): number {
  const row = db.prepare('PRAGMA user_version').get();
  return Number(row?.user_version ?? 0);
}

/** Why a file of a newer schema must be left alone; null for one that this version knows. */
export function newerSchema(db: DatabaseSync): string | null {
  const version = readSchemaVersion(db);
  if (version <= schemaVersion) return null;
  return `its schema is version ${version}, this version knows up to ${schemaVersion}`;
}

/**
 * Brings an older file to the present schema, all steps or none. A newer one must have been refused before.
 */
export function migrate(db: DatabaseSync): void {
  const from = readSchemaVersion(db);
  if (from === schemaVersion) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    for (const step of migrations.slice(from)) {
      if (typeof step === 'string') db.exec(step);
      else step(db);
    }
    db.exec(`PRAGMA user_version = ${schemaVersion}`);
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

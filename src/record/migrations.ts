// The schema's history: each entry takes the file from its index to the next version. Append only.
import { createHash, randomUUID } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { canonicalJson } from './canonical-json.ts';
import { type ChainEnd, type ChainName, chainHash, chainNames, chainStart } from './hash-chain.ts';
import { Journal } from './journal.ts';
import { textHash } from './record-end.ts';
import { recordTextOf } from './record-reader.ts';
import { readSchemaVersion } from './schema-version.ts';

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
  beginJournal,
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

/**
 * The journal begins with where each chain ended, as the file says: what was missing before is still found to
 * be. The rollout gets a revision and settings get entries. What is kept in place has one spelling from here
 * on.
 */
function beginJournal(db: DatabaseSync): void {
  const ends = chainNames.map((chain) => [chain, keptEnd(db, chain)] as const);
  db.exec(`
    CREATE TABLE journal (
      id INTEGER PRIMARY KEY,
      entry TEXT NOT NULL,
      prev_hash TEXT NOT NULL,
      hash TEXT NOT NULL
    ) STRICT;
    ${appendOnly('journal')}
    DROP TABLE chain_ends;
    CREATE TABLE chain_ends (
      chain TEXT PRIMARY KEY CHECK (chain = 'journal'),
      id INTEGER NOT NULL,
      hash TEXT NOT NULL,
      mac TEXT
    ) STRICT;
    ALTER TABLE rollout ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
    DROP TRIGGER configs_no_update;
    UPDATE configs SET at_ms = CAST(at_ms AS INTEGER);
    CREATE TRIGGER configs_no_update BEFORE UPDATE ON configs BEGIN SELECT RAISE(ABORT, 'configs are append-only'); END;
    DROP TRIGGER evidence_no_update;
    CREATE TRIGGER evidence_no_update BEFORE UPDATE ON evidence
      WHEN new.id <> old.id OR new.prev_hash <> old.prev_hash OR new.hash <> old.hash
      BEGIN SELECT RAISE(ABORT, 'evidence are append-only'); END;`);
  const journal = new Journal(db, null);
  journal.append(['store', randomUUID()]);
  for (const [chain, { id, hash }] of ends) journal.append(['before', chain, id, hash]);
  journal.append(['end-before', endBefore(ends)]);
  for (const { state } of db.prepare('SELECT state FROM rollout').all()) {
    const text = respelt(String(state));
    db.prepare('UPDATE rollout SET state = ?').run(text);
    journal.append(['rollout', 0, textHash(text)]);
  }
  for (const { name, value } of db.prepare('SELECT name, value FROM settings ORDER BY name').all())
    journal.append(['setting', String(name), textHash(String(value))]);
}

function respelt(text: string): string {
  try {
    return canonicalJson(JSON.parse(text));
  } catch {
    // Whoever reads it will say that it is no state.
    return text;
  }
}

function keptEnd(db: DatabaseSync, chain: ChainName): ChainEnd {
  const row = db.prepare('SELECT id, hash FROM chain_ends WHERE chain = ?').get(chain);
  return row === undefined ? { id: 0, hash: chainStart } : { id: Number(row.id), hash: String(row.hash) };
}

/** One hash for the ends of all chains, as versions without a journal printed it. */
export function endBefore(ends: readonly (readonly [ChainName, ChainEnd])[]): string {
  const lines = ends.map(([chain, { id, hash }]) => `${chain} ${id} ${hash}\n`);
  return createHash('sha256').update(lines.join('')).digest('hex');
}

export const schemaVersion = migrations.length;
/** The first with a journal. */
export const journalVersion = 6;

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

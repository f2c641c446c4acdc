// Whether a file defines what its version defines: tables, and the triggers that keep records from being
// changed by accident.
import { DatabaseSync } from 'node:sqlite';
import { migrations, schemaVersion } from './migrations.ts';
import { RecordReader } from './record-reader.ts';
import { readSchemaVersion } from './schema-version.ts';
import { problemOf, type StoreProblem } from './store-result.ts';

/** One of them is in every store, of any version, that nobody has taken all of them from. */
const ownTables = ['events', 'transitions', 'rollout', 'journal'] as const;

/**
 * Why a database must be left alone: it is of something else, or of a newer version. Null for one that can be
 * read.
 */
export function refusedSchema(db: DatabaseSync, file: string): StoreProblem | null {
  const version = readSchemaVersion(db);
  const names = new RecordReader(db).schema();
  if (version === 0 || !ownTables.some((name) => names.has(name))) {
    const found = names.size === 0 ? 'nothing' : [...names.keys()].slice(0, 5).join(', ');
    return problemOf('foreign', file, `it is an SQLite database of something else, with ${found} in it`);
  }
  if (version <= schemaVersion) return null;
  const cause = `its schema is version ${version}, this version knows up to ${schemaVersion}`;
  return problemOf('newer-schema', file, cause);
}

/** The first thing that is missing, changed or too much, in words; null when all is as it was made. */
export function schemaFinding(found: ReadonlyMap<string, string>, version: number): string | null {
  const wanted = definedBy(version);
  for (const [name, sql] of wanted) {
    const is = found.get(name);
    if (is === undefined) return `${name} is missing in the file.`;
    if (plain(is) !== plain(sql)) return `${name} is defined in another way than Crossover defines it.`;
  }
  for (const name of found.keys()) if (!wanted.has(name)) return `${name} is nothing that Crossover makes.`;
  return null;
}

/** What the steps up to a version make of an empty file. */
function definedBy(version: number): ReadonlyMap<string, string> {
  const db = new DatabaseSync(':memory:');
  try {
    for (const step of migrations.slice(0, version)) {
      if (typeof step === 'string') db.exec(step);
      else step(db);
    }
    return new RecordReader(db).schema();
  } finally {
    db.close();
  }
}

/** White space says nothing. */
const plain = (sql: string): string => sql.replaceAll(/\s+/g, ' ').trim();

// The record against somebody who can write its file: what was tried by hand, five hundred changes by chance,
// and a rewrite that fits in itself, which only a key or an end that was kept elsewhere finds.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { openSqliteStore } from '#src/control-plane/store/sqlite-store.ts';
import { chainHash, chainStart } from '#src/record/hash-chain.ts';
import { migrations, schemaVersion } from '#src/record/migrations.ts';
import { type CheckedAgainst, checkRecordNow, type RecordCheck } from '#src/record/record-check.ts';
import { openRecordFile } from '#src/record/record-file.ts';
import type { StoreResult } from '#src/record/store-result.ts';
import { event, frozenEvidence, transitionTo } from '../control-plane/support/records.ts';
import { rampingState } from '../control-plane/support/states.ts';
import { quickFolder } from '../control-plane/support/temp-folder.ts';
import { chooseSeed } from '../support/load-client.ts';

const key = Buffer.from('0123456789abcdef0123456789abcdef');

function unwrap<T>(result: StoreResult<T>): T {
  assert.ok(result.ok, result.ok ? '' : result.problem.text);
  return result.value;
}

/** Adds records of every kind to a store, and closes it; returns where it ends then. */
function record(file: string, rounds: number, signedWith: Uint8Array | null): string {
  const store = unwrap(openSqliteStore(file, { key: { ok: true, key: signedWith } }));
  let id = unwrap(store.lastEventId());
  for (let round = 1; round <= rounds; round++) {
    const state = rampingState(round % 2 === 0 ? 250_000 : 500_000);
    unwrap(store.appendEvent(event(++id, `event ${id} of ${signedWith === null ? 'one' : 'another'}`)));
    unwrap(store.saveTransition(transitionTo(state), state, event(++id)));
    unwrap(store.saveConfig(id * 1_000, { workers: id }));
    unwrap(store.saveEvidence(frozenEvidence(`rollout-${id}`), event(++id)));
    unwrap(store.saveSetting('freeze', { frozen: round % 2 === 0 }));
    unwrap(store.saveSetting(`setting-${id % 3}`, id));
  }
  const end = store.recordEnd;
  store.close();
  assert.ok(end !== null);
  return end.hash;
}

/** What the check finds; an error is found as well. */
function check(file: string, against: CheckedAgainst = {}): RecordCheck | string {
  const opened = openRecordFile(file);
  if (!opened.ok) return opened.problem.text;
  try {
    const checked = checkRecordNow(opened.value, { pages: true, ...against });
    return checked.ok ? checked.value : checked.problem.text;
  } finally {
    opened.value.close();
  }
}

const isFound = (file: string, against: CheckedAgainst = {}): boolean => {
  const found = check(file, against);
  return typeof found === 'string' || !found.intact;
};

/**
 * Changes the file as somebody would who knows SQLite: without the triggers in the way, and they are back
 * afterwards.
 */
function change(file: string, edit: (db: DatabaseSync) => void): void {
  const db = new DatabaseSync(file);
  const triggers = db.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").all();
  for (const { name } of triggers) db.exec(`DROP TRIGGER ${String(name)}`);
  try {
    db.exec('BEGIN');
    edit(db);
    db.exec('COMMIT');
  } finally {
    if (db.isTransaction) db.exec('ROLLBACK');
    const tables = new Set(
      db
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
        .all()
        .map(({ name }) => String(name)),
    );
    for (const { sql } of triggers)
      if (tables.has(/ON (\w+)/.exec(String(sql))?.[1] ?? '')) db.exec(String(sql));
    db.close();
  }
}

const tampered = (file: string, sql: string): void => change(file, (db) => db.exec(sql));

const byHand: readonly [name: string, sql: string][] = [
  [
    'the end of the journal deleted and any event edited',
    `DELETE FROM chain_ends; UPDATE events SET record = replace(record, 'event 5', 'event x')`,
  ],
  [
    'the table of ends dropped and the last rows cut',
    'DROP TABLE chain_ends; DELETE FROM events WHERE id > 9',
  ],
  [
    'the last rows cut, and their entries in the journal',
    `DELETE FROM journal WHERE id > 30; DELETE FROM events WHERE id > 9`,
  ],
  [
    'all rows deleted',
    'DELETE FROM events; DELETE FROM transitions; DELETE FROM configs; DELETE FROM evidence',
  ],
  [
    'everything deleted',
    'DELETE FROM events; DELETE FROM transitions; DELETE FROM configs; DELETE FROM evidence; DELETE FROM journal; DELETE FROM chain_ends; DELETE FROM rollout; DELETE FROM settings',
  ],
  ['evidence dropped', 'DROP TABLE evidence'],
  [
    'an event forged beyond the end',
    `INSERT INTO events SELECT max(id) + 1, replace(record, '"id":' || id, '"id":' || (id + 1)), hash, 'ab' FROM events`,
  ],
  ['an event with an id of 0', `INSERT INTO events VALUES (0, '{"id":0}', '', '')`],
  ['an event with an id below 0', `INSERT INTO events VALUES (-7, '{"id":-7}', '', '')`],
  ['the rollout edited to completed', `UPDATE rollout SET state = replace(state, 'ramping', 'completed')`],
  ['the revision of the rollout raised', 'UPDATE rollout SET revision = revision + 1'],
  ['the rollout deleted', 'DELETE FROM rollout'],
  ['a freeze lifted', `UPDATE settings SET value = '{"frozen":false}' WHERE name = 'freeze'`],
  ['a freeze deleted', `DELETE FROM settings WHERE name = 'freeze'`],
  ['a setting put in', `INSERT INTO settings VALUES ('approvals', '[]')`],
  ['the hash of a config changed', `UPDATE configs SET sha256 = 'ab' WHERE id = 2`],
  ['the time of a config changed by a fraction', 'UPDATE configs SET at_ms = at_ms + 0.25 WHERE id = 2'],
  [
    'the id of the last config changed',
    'UPDATE configs SET id = id + 5 WHERE id = (SELECT max(id) FROM configs)',
  ],
  ['an entry of the journal taken out', 'DELETE FROM journal WHERE id = 8'],
  [
    'an entry of the journal changed',
    `UPDATE journal SET entry = replace(entry, 'events', 'configs') WHERE id = 9`,
  ],
  ['the journal dropped', 'DROP TABLE journal'],
  [
    'the journal turned back by one entry',
    'DELETE FROM journal WHERE id = (SELECT max(id) FROM journal); UPDATE chain_ends SET id = (SELECT max(id) FROM journal), hash = (SELECT hash FROM journal ORDER BY id DESC LIMIT 1)',
  ],
  ['a table put in', 'CREATE TABLE notes (x)'],
  [
    'a view put in the place of a table',
    'ALTER TABLE minutes RENAME TO minutes2; CREATE VIEW minutes AS SELECT * FROM minutes2',
  ],
  ['a table of counts dropped', 'DROP TABLE traffic'],
];

for (const [name, sql] of byHand)
  test(`record check finds ${name}`, (t) => {
    const file = join(quickFolder(t), 'crossover.db');
    record(file, 4, null);
    assert.equal(isFound(file), false);
    tampered(file, sql);
    assert.equal(isFound(file), true);
  });

test('record check finds a trigger that was removed or changed', (t) => {
  for (const sql of [
    'DROP TRIGGER events_no_delete',
    'DROP TRIGGER events_no_delete; CREATE TRIGGER events_no_delete BEFORE DELETE ON events BEGIN SELECT 1; END',
  ]) {
    const file = join(quickFolder(t), 'crossover.db');
    record(file, 1, null);
    const db = new DatabaseSync(file);
    db.exec(sql);
    db.close();
    const found = check(file);
    assert.ok(typeof found !== 'string');
    assert.equal(found.broken?.chain, 'schema');
    assert.match(found.text, /events_no_delete/);
  }
});

/** Writes an event anew and then everything that hangs on it, as somebody would who knows how it is made. */
function rewriteConsistently(file: string): void {
  change(file, (db) => {
    db.exec("UPDATE events SET record = replace(record, 'event 5', 'nothing happened') WHERE id = 4");
    db.exec("UPDATE events SET record = replace(record, 'event 4', 'nothing happened') WHERE id = 4");
    let previous = chainStart;
    const hashes = new Map<number, string>();
    for (const { id, record: text } of db.prepare('SELECT id, record FROM events ORDER BY id').all()) {
      const hash = chainHash(previous, String(text));
      db.prepare('UPDATE events SET prev_hash = ?, hash = ? WHERE id = ?').run(previous, hash, Number(id));
      hashes.set(Number(id), hash);
      previous = hash;
    }
    previous = chainStart;
    for (const { id, entry } of db.prepare('SELECT id, entry FROM journal ORDER BY id').all()) {
      const parts = JSON.parse(String(entry)) as unknown[];
      const changed = parts[0] === 'record' && parts[1] === 'events';
      const text = changed
        ? JSON.stringify(['record', 'events', parts[2], hashes.get(Number(parts[2]))])
        : String(entry);
      const hash = chainHash(previous, text);
      db.prepare('UPDATE journal SET entry = ?, prev_hash = ?, hash = ? WHERE id = ?').run(
        text,
        previous,
        hash,
        Number(id),
      );
      db.prepare('UPDATE chain_ends SET id = ?, hash = ?').run(Number(id), hash);
      previous = hash;
    }
  });
}

test('a rewrite that fits in itself is found with a key or an end that was kept elsewhere, and not without', (t) => {
  const folder = quickFolder(t);
  const [plain, signed] = [join(folder, 'plain.db'), join(folder, 'signed.db')];
  const end = record(plain, 4, null);
  record(signed, 4, key);
  for (const file of [plain, signed]) {
    assert.equal(isFound(file), false);
    rewriteConsistently(file);
    assert.equal(isFound(file), false, 'nothing in the file speaks against it');
  }
  assert.equal(isFound(plain, { end }), true);
  const found = check(signed, { key });
  assert.ok(typeof found !== 'string');
  assert.deepEqual([found.intact, found.broken?.chain, found.signature], [false, 'signature', 'unchecked']);
});

test('an older copy in the place of the store is found with a later end', (t) => {
  const folder = quickFolder(t);
  const [file, copy] = [join(folder, 'crossover.db'), join(folder, 'copy.db')];
  const early = record(file, 2, key);
  copyFileSync(file, copy);
  const late = record(file, 2, key);
  assert.equal(isFound(file, { key, end: early }), false, 'a record goes on from its earlier end');
  assert.equal(isFound(file, { key, end: late }), false);
  assert.equal(isFound(copy, { key }), false, 'it was signed, at its time');
  const found = check(copy, { key, end: late });
  assert.ok(typeof found !== 'string');
  assert.deepEqual([found.broken?.chain, found.givenEnd], ['end', null]);
});

test('a signature is of one key and one end', (t) => {
  const folder = quickFolder(t);
  const [signed, other] = [join(folder, 'signed.db'), join(folder, 'other.db')];
  record(signed, 2, key);
  record(other, 2, null);
  const valid = check(signed, { key });
  assert.ok(typeof valid !== 'string');
  assert.deepEqual([valid.intact, valid.signature], [true, 'valid']);
  assert.equal(isFound(signed, { key: Buffer.from('another key, as long as the first one') }), true);
  assert.equal(isFound(other, { key }), true, 'it is not signed at all');
  tampered(signed, 'UPDATE chain_ends SET mac = NULL');
  assert.equal(isFound(signed, { key }), true);
});

type Edit = (file: string) => void;

const columns = {
  events: ['id', 'record', 'prev_hash', 'hash'],
  transitions: ['id', 'record', 'prev_hash', 'hash'],
  configs: ['id', 'at_ms', 'sha256', 'config', 'prev_hash', 'hash'],
  evidence: ['id', 'record', 'prev_hash', 'hash'],
  journal: ['id', 'entry', 'prev_hash', 'hash'],
  chain_ends: ['id', 'hash'],
  rollout: ['state', 'revision'],
  settings: ['name', 'value'],
} as const;
const tables = Object.keys(columns) as (keyof typeof columns)[];
const links = { events: 'record', transitions: 'record', evidence: 'record', journal: 'entry' } as const;

/** Changes by chance, each described; some change nothing, which the test notices. */
function edits(random: { nextUint32(): number }): [string, Edit] {
  const below = (limit: number): number => random.nextUint32() % limit;
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const sql = (text: string): [string, Edit] => [text, (file) => tampered(file, text)];
  const row = (table: string): string => `rowid = (SELECT rowid FROM ${table} LIMIT 1 OFFSET ${below(8)})`;
  const table = pick(tables);
  const kinds: readonly (() => [string, Edit])[] = [
    () => {
      const column = pick(columns[table]);
      const at = 1 + below(60);
      const value = ['id', 'at_ms', 'revision'].includes(column)
        ? `${column} + ${1 + below(100)}`
        : `substr(${column}, 1, ${at}) || '${pick(['x', '7', ' ', '"'])}' || substr(${column}, ${at + 2})`;
      return sql(`UPDATE OR REPLACE ${table} SET ${column} = ${value} WHERE ${row(table)}`);
    },
    () => {
      const column = pick(columns[table]);
      return sql(
        `UPDATE OR REPLACE ${table} SET ${column} = (SELECT ${column} FROM ${table} LIMIT 1 OFFSET ${below(8)}) WHERE ${row(table)}`,
      );
    },
    () => sql(`DELETE FROM ${table} WHERE ${row(table)}`),
    () => sql(`DELETE FROM ${table}`),
    () => sql(`DROP TABLE ${table}`),
    () => sql(`DELETE FROM ${table} WHERE rowid > (SELECT max(rowid) FROM ${table}) - ${1 + below(5)}`),
    () => {
      const chain = pick(['events', 'transitions', 'evidence', 'journal'] as const);
      const id = pick([-below(9), 1_000 + below(9)]);
      return sql(
        `INSERT INTO ${chain} SELECT ${id}, ${columns[chain].slice(1).join(', ')} FROM ${chain} WHERE ${row(chain)}`,
      );
    },
    () => {
      const chain = pick(['events', 'transitions', 'configs', 'evidence', 'journal'] as const);
      const [a, b] = [1 + below(4), 5 + below(4)];
      return sql(
        `UPDATE ${chain} SET id = -99 WHERE id = ${a}; UPDATE ${chain} SET id = ${a} WHERE id = ${b}; UPDATE ${chain} SET id = ${b} WHERE id = -99`,
      );
    },
    () =>
      sql(
        `DELETE FROM ${pick(['events', 'transitions', 'configs', 'evidence'])} WHERE id > ${below(6)}; DELETE FROM journal WHERE id > ${10 + below(10)}; UPDATE chain_ends SET id = (SELECT max(id) FROM journal), hash = (SELECT hash FROM journal ORDER BY id DESC LIMIT 1)`,
      ),
    () => {
      // One record with a hash that fits it, and nothing that follows.
      const chain = pick(['events', 'transitions', 'evidence', 'journal'] as const);
      const id = 1 + below(5);
      const edit: Edit = (file) =>
        change(file, (db) => {
          const found = db
            .prepare(`SELECT ${links[chain]} AS text, prev_hash FROM ${chain} WHERE id = ?`)
            .get(id);
          const text = String(found?.text).replace(/[a-z](?=[^a-z]*$)/, 'q');
          const hash = chainHash(String(found?.prev_hash), text);
          db.prepare(`UPDATE ${chain} SET ${links[chain]} = ?, hash = ? WHERE id = ?`).run(text, hash, id);
        });
      return [`record ${id} of ${chain} with a new hash`, edit];
    },
    () => {
      const share = 1 + below(98);
      return [
        `the file cut to ${share} %`,
        (file) => truncateSync(file, Math.floor((readFileSync(file).length * share) / 100)),
      ];
    },
    () => {
      const word = pick(['tester', 'because', 'checkout', 'ramping', 'frozen', 'workers']);
      const nth = below(5);
      const edit: Edit = (file) => {
        const bytes = readFileSync(file);
        let at = -1;
        for (let count = 0; count <= nth; count++) at = Math.max(bytes.indexOf(word, at + 1), at);
        bytes[at] = (bytes[at] as number) ^ 1;
        writeFileSync(file, bytes);
      };
      return [`a bit of the ${nth}th ${word} turned in the file`, edit];
    },
    () => [
      'another store in its place',
      (file) => {
        const other = `${file}.other`;
        record(other, 5, null);
        copyFileSync(other, file);
      },
    ],
    () => ['everything written anew, consistently', rewriteConsistently],
  ];
  return pick(kinds)();
}

/** Whether a change could be made: SQLite refuses what a column cannot hold. */
function isDone(edit: () => void): boolean {
  try {
    edit();
    return true;
  } catch {
    return false;
  }
}

/** All that the record consists of, as text. */
function dump(file: string): string {
  try {
    const db = new DatabaseSync(file, { readOnly: true });
    const hash = createHash('sha256');
    try {
      for (const { name, sql } of db.prepare('SELECT name, sql FROM sqlite_schema ORDER BY name').all())
        hash.update(`${String(name)} ${String(sql)}\n`);
      for (const table of tables)
        hash.update(JSON.stringify(db.prepare(`SELECT * FROM ${table} ORDER BY 1`).all()));
    } finally {
      db.close();
    }
    return hash.digest('hex');
  } catch {
    return 'unreadable';
  }
}

test('record check finds 500 changes by chance with a key or an end, and without either all but what fits in itself', (t: TestContext) => {
  const seed = chooseSeed();
  console.log(`seed ${seed}`);
  const random = createRandom(seed);
  const folder = quickFolder(t);
  const [plain, signed] = [join(folder, 'plain.db'), join(folder, 'signed.db')];
  const ends = { plain: record(plain, 5, null), signed: record(signed, 5, key) };
  const before = { plain: dump(plain), signed: dump(signed) };
  let changes = 0;
  while (changes < 500) {
    const which = random.nextUint32() % 2 === 0 ? 'plain' : 'signed';
    const file = join(folder, 'changed.db');
    copyFileSync(which === 'plain' ? plain : signed, file);
    const [what, edit] = edits(random);
    if (!isDone(() => edit(file)) || dump(file) === before[which]) continue;
    changes++;
    const told = `change ${changes} (seed ${seed}), ${which}: ${what}`;
    if (which === 'signed') assert.ok(isFound(file, { key }), `${told}: with the key`);
    assert.ok(isFound(file, { end: ends[which] }), `${told}: with an end`);
    const isWhole = /another store|consistently/.test(what);
    assert.equal(isFound(file), !isWhole, `${told}: without either`);
  }
});

/** A file as the version before the journal left it. */
function fileWithoutJournal(file: string): void {
  const db = new DatabaseSync(file);
  for (const step of migrations.slice(0, 5)) {
    if (typeof step === 'string') db.exec(step);
    else step(db);
  }
  db.exec('PRAGMA user_version = 5');
  let previous = chainStart;
  for (let id = 1; id <= 6; id++) {
    const text = JSON.stringify(event(id));
    const hash = chainHash(previous, text);
    db.prepare('INSERT INTO events VALUES (?, ?, ?, ?)').run(id, text, previous, hash);
    db.prepare("INSERT OR REPLACE INTO chain_ends VALUES ('events', ?, ?)").run(id, hash);
    previous = hash;
  }
  db.exec(
    `INSERT INTO rollout VALUES (1, '{"weightPpm":7,"phase":"idle"}'); INSERT INTO settings VALUES ('freeze', '1')`,
  );
  db.close();
}

test('a record from before the journal is held to its own ends, and to them after it was brought up to date', (t) => {
  const folder = quickFolder(t);
  const file = join(folder, 'crossover.db');
  const attempts = [
    "DELETE FROM chain_ends; UPDATE events SET record = replace(record, 'event 3', 'event x')",
    'DELETE FROM chain_ends',
    'DELETE FROM events WHERE id > 4',
    "INSERT INTO events VALUES (0, '{}', '', '')",
    "INSERT INTO events VALUES (7, '{}', '', '')",
  ];
  for (const sql of attempts) {
    for (const isBroughtUp of [false, true]) {
      fileWithoutJournal(file);
      assert.equal(isFound(file), false);
      tampered(file, sql);
      if (isBroughtUp) unwrap(openSqliteStore(file)).close();
      assert.equal(
        isFound(file),
        true,
        `${sql} ${isBroughtUp ? 'before it was' : 'and not'} brought up to date`,
      );
      for (const suffix of ['', '-wal', '-shm']) writeFileSync(`${file}${suffix}`, '');
    }
  }
});

test('a record that was brought up to date still leads to the end that the version before printed', (t) => {
  const file = join(quickFolder(t), 'crossover.db');
  fileWithoutJournal(file);
  const before = check(file);
  assert.ok(typeof before !== 'string');
  assert.equal(isFound(file, { end: before.end }), false);
  const store = unwrap(openSqliteStore(file));
  assert.deepEqual(unwrap(store.loadRollout()), { phase: 'idle', weightPpm: 7 });
  unwrap(store.appendEvent(event(7)));
  store.close();
  const after = check(file, { end: before.end });
  assert.ok(typeof after !== 'string');
  assert.deepEqual([after.intact, after.givenEnd, after.chains.events.records], [true, 6, 7]);
  assert.equal(isFound(file, { end: 'ab'.repeat(32) }), true);
  assert.equal(new DatabaseSync(file).prepare('PRAGMA user_version').get()?.user_version, schemaVersion);
});

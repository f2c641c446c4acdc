// The record against tampering: real store files, changed behind the store's back.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { openSqliteStore } from '#src/control-plane/store/sqlite-store.ts';
import { chainNames } from '#src/record/hash-chain.ts';
import { migrations, schemaVersion } from '#src/record/migrations.ts';
import { checkRecord, checkRecordNow, type RecordCheck } from '#src/record/record-check.ts';
import { openRecordFile } from '#src/record/record-file.ts';
import type { StoreResult } from '#src/record/store-result.ts';
import { event, frozenEvidence, transitionTo } from '../control-plane/support/records.ts';
import { rampingState } from '../control-plane/support/states.ts';
import { tempFolder } from '../control-plane/support/temp-folder.ts';

function unwrap<T>(result: StoreResult<T>): T {
  assert.ok(result.ok, result.ok ? '' : result.problem.text);
  return result.value;
}

/** A file with several records of every kind, closed. */
function recordedFile(t: TestContext): string {
  const file = join(tempFolder(t), 'crossover.db');
  const store = unwrap(openSqliteStore(file));
  let id = 0;
  for (let round = 1; round <= 4; round++) {
    unwrap(store.appendEvent(event(++id)));
    unwrap(store.saveTransition(transitionTo(rampingState(250_000)), rampingState(250_000), event(++id)));
    unwrap(store.saveConfig(round * 1_000.4, { workers: round }));
    unwrap(store.saveEvidence(frozenEvidence(`rollout-${round}`), event(++id)));
  }
  store.close();
  return file;
}

function check(file: string): RecordCheck {
  const record = unwrap(openRecordFile(file));
  try {
    return unwrap(checkRecordNow(record));
  } finally {
    record.close();
  }
}

/** Changes the file as somebody would who knows SQLite: without the triggers in the way. */
function tamper(file: string, sql: string): void {
  const db = new DatabaseSync(file);
  for (const { name } of db.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").all())
    db.exec(`DROP TRIGGER ${String(name)}`);
  db.exec(sql);
  db.close();
}

const hashOf = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

test('record check finds an untouched record intact and counts it', (t) => {
  const found = check(recordedFile(t));
  assert.equal(found.text, 'The record is intact: 12 events, 4 transitions, 4 configs, 4 evidence.');
  assert.deepEqual([found.intact, found.broken], [true, null]);
  assert.match(found.chains.configs.end ?? '', /^[0-9a-f]{64}$/);
});

const columnOf = { events: 'record', transitions: 'record', configs: 'config', evidence: 'record' } as const;

for (const chain of chainNames) {
  test(`record check names the record of ${chain} in which one byte was changed`, (t) => {
    const file = recordedFile(t);
    const column = columnOf[chain];
    const before = check(file);
    tamper(
      file,
      `UPDATE ${chain} SET ${column} = substr(${column}, 1, length(${column}) - 2) || '~' || substr(${column}, -1) WHERE id = 2`,
    );
    const after = check(file);
    assert.deepEqual([before.broken, after.broken], [null, { chain, id: 2 }]);
    assert.match(after.text, new RegExp(`Record 2 of ${chain}`));
  });

  test(`record check names the record of ${chain} before which one was removed`, (t) => {
    const file = recordedFile(t);
    tamper(file, `DELETE FROM ${chain} WHERE id = 2`);
    assert.deepEqual(check(file).broken, { chain, id: 3 });
  });

  test(`record check misses the first record of ${chain} when it was removed`, (t) => {
    const file = recordedFile(t);
    tamper(file, `DELETE FROM ${chain} WHERE id = 1`);
    assert.deepEqual(check(file).broken, { chain, id: 2 });
  });

  test(`record check misses the last record of ${chain} when it was removed`, (t) => {
    const file = recordedFile(t);
    const last = check(file).chains[chain].records;
    tamper(file, `DELETE FROM ${chain} WHERE id = ${last}`);
    const found = check(file);
    assert.deepEqual(found.broken, { chain, id: last });
    assert.match(found.text, /the last one written, is missing/);
  });

  test(`record check names the first of two records of ${chain} that have changed places`, (t) => {
    const file = recordedFile(t);
    tamper(
      file,
      `UPDATE ${chain} SET id = -1 WHERE id = 2; UPDATE ${chain} SET id = 2 WHERE id = 3; UPDATE ${chain} SET id = 3 WHERE id = -1`,
    );
    assert.deepEqual(check(file).broken, { chain, id: 2 });
  });

  test(`record check names the record of ${chain} that was put in`, (t) => {
    const file = recordedFile(t);
    const { records } = check(file).chains[chain];
    const columns =
      chain === 'configs' ? 'at_ms, sha256, config, prev_hash, hash' : 'record, prev_hash, hash';
    tamper(
      file,
      `UPDATE ${chain} SET id = id + 1 WHERE id = ${records}; INSERT INTO ${chain} (id, ${columns}) SELECT ${records}, ${columns} FROM ${chain} WHERE id = 1`,
    );
    assert.equal(check(file).intact, false);
  });
}

test('record check finds the time of a config that was changed', (t) => {
  const file = recordedFile(t);
  tamper(file, 'UPDATE configs SET at_ms = at_ms + 1 WHERE id = 3');
  assert.deepEqual(check(file).broken, { chain: 'configs', id: 3 });
});

test('record check gives another end for every record that is added', (t) => {
  const file = recordedFile(t);
  const before = check(file);
  const copy = join(tempFolder(t), 'copy.db');
  copyFileSync(file, copy);
  const store = unwrap(openSqliteStore(file));
  unwrap(store.appendEvent(event(99)));
  store.close();
  const after = check(file);
  assert.equal(before.end, check(copy).end, 'the same records have the same end');
  assert.notEqual(before.end, check(recordedFile(t)).end, 'and no two stores have the same records');
  assert.notEqual(before.end, after.end);
});

test('record check looks at what was on record when it began when more is written meanwhile', (t) => {
  const file = recordedFile(t);
  const store = unwrap(openSqliteStore(file));
  t.after(() => store.close());
  const checking = checkRecord(store);
  checking.next();
  unwrap(store.appendEvent(event(50)));
  for (;;) {
    const { done, value } = checking.next();
    if (done !== true) continue;
    assert.equal(unwrap(value).chains.events.records, 12);
    return;
  }
});

test('record check works page by page when the record is long', (t) => {
  const file = join(tempFolder(t), 'crossover.db');
  const store = unwrap(openSqliteStore(file));
  t.after(() => store.close());
  for (let id = 1; id <= 450; id++) unwrap(store.appendEvent(event(id)));
  let pages = 0;
  for (const _page of checkRecord(store)) pages++;
  assert.equal(pages, 6, 'three of events, three of the journal');
  assert.equal(unwrap(checkRecordNow(store)).chains.events.records, 450);
});

test('record file is read without a trace when nobody has it open', (t) => {
  const file = recordedFile(t);
  const before = hashOf(file);
  assert.equal(check(file).intact, true);
  assert.equal(hashOf(file), before);
  assert.deepEqual(readdirSync(dirname(file)), ['crossover.db']);
});

test('record file has what was just written when the store is open', (t) => {
  const file = recordedFile(t);
  const store = unwrap(openSqliteStore(file));
  t.after(() => store.close());
  unwrap(store.appendEvent(event(50)));
  assert.equal(check(file).chains.events.records, 13);
});

/** A file as the first version with this schema number left it, with one record of each kind it knew. */
function oldFile(t: TestContext, version: number): string {
  const file = join(tempFolder(t), 'crossover.db');
  const db = new DatabaseSync(file);
  for (const step of migrations.slice(0, version)) {
    assert.equal(typeof step, 'string');
    db.exec(String(step));
  }
  const record = JSON.stringify(event(1));
  const hash = createHash('sha256')
    .update(`${'0'.repeat(64)}\n${record}`)
    .digest('hex');
  db.prepare('INSERT INTO events (id, record, prev_hash, hash) VALUES (1, ?, ?, ?)').run(
    record,
    '0'.repeat(64),
    hash,
  );
  db.exec(`INSERT INTO rollout (id, state) VALUES (1, '{"phase":"idle","weightPpm":42}')`);
  if (version >= 2) {
    const put = db.prepare('INSERT INTO configs (at_ms, sha256, config) VALUES (?, ?, ?)');
    for (const [atMs, config] of [
      [1_700_000_000_000.5, '{"a":1}'],
      [1_700_000_000_001, '{"b":1}'],
    ] as const)
      put.run(atMs, createHash('sha256').update(config).digest('hex'), config);
  }
  db.exec(`PRAGMA user_version = ${version}`);
  db.close();
  return file;
}

for (const version of [1, 2, 3]) {
  test(`record file of schema version ${version} is checked as it is and not brought up to date`, (t) => {
    const file = oldFile(t, version);
    const before = hashOf(file);
    const found = check(file);
    assert.deepEqual(
      [found.intact, found.chains.events.records, found.chains.evidence.records],
      [true, 1, 0],
    );
    assert.equal(hashOf(file), before);
  });

  test(`store of schema version ${version} is brought up to date with its record intact`, (t) => {
    const file = oldFile(t, version);
    const before = check(file).chains.events.end;
    const store = unwrap(openSqliteStore(file));
    assert.deepEqual(unwrap(store.loadRollout()), { phase: 'idle', weightPpm: 42 });
    assert.equal(unwrap(store.verifyRecord()), null);
    unwrap(store.appendEvent(event(2)));
    unwrap(store.saveConfig(5, { c: 1 }));
    store.close();
    const found = check(file);
    assert.equal(found.intact, true, found.text);
    assert.equal(found.chains.configs.records, version >= 2 ? 3 : 1);
    const db = new DatabaseSync(file);
    assert.equal(db.prepare('PRAGMA user_version').get()?.user_version, schemaVersion);
    assert.equal(db.prepare('SELECT prev_hash FROM events WHERE id = 2').get()?.prev_hash, before);
    assert.throws(() => db.exec('DELETE FROM configs'), /append-only/);
    assert.throws(() => db.exec("UPDATE configs SET config = '{}'"), /append-only/);
    db.close();
  });
}

test('record file of a newer version, of something else, or of nothing is refused untouched', (t) => {
  const folder = tempFolder(t);
  const newer = join(folder, 'newer.db');
  const other = join(folder, 'other.db');
  for (const [file, version] of [
    [newer, schemaVersion + 1],
    [other, 0],
  ] as const) {
    const db = new DatabaseSync(file);
    db.exec(`CREATE TABLE ${version === 0 ? 'things' : 'events'} (x); PRAGMA user_version = ${version}`);
    db.close();
  }
  const hashes = [hashOf(newer), hashOf(other)];
  const kinds = [newer, other, join(folder, 'missing.db')].map((file) => {
    const opened = openRecordFile(file);
    return opened.ok ? 'opened' : opened.problem.kind;
  });
  assert.deepEqual(kinds, ['newer-schema', 'foreign', 'unavailable']);
  assert.deepEqual([hashOf(newer), hashOf(other)], hashes);
  assert.deepEqual(readdirSync(folder).toSorted(), ['newer.db', 'other.db'], 'nothing is created');
});

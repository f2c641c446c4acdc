import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { openSqliteStore, type SqliteStore } from '#src/control-plane/store/sqlite-store.ts';
import { migrations, schemaVersion } from '#src/record/migrations.ts';
import type { StoreResult } from '#src/record/store-result.ts';
import { event, transitionTo } from '../support/records.ts';
import { rampingState } from '../support/states.ts';
import { tempFolder } from '../support/temp-folder.ts';

function unwrap<T>(result: StoreResult<T>): T {
  assert.ok(result.ok, result.ok ? '' : result.problem.text);
  return result.value;
}

function openStore(t: TestContext, file: string): SqliteStore {
  const store = unwrap(openSqliteStore(file));
  t.after(() => store.close());
  return store;
}

test('store gives back rollout, events, analysis and minutes when it is opened again', (t) => {
  const file = join(tempFolder(t), 'new', 'folder', 'crossover.db');
  const state = rampingState(250_000);
  const first = openStore(t, file);
  unwrap(first.appendEvent(event(1)));
  unwrap(first.saveTransition(transitionTo(state), state, event(2)));
  unwrap(first.saveAnalysis(9, { some: 'numbers' }));
  const traffic = { requests: 1, failures: 0, p50Ms: 3, p99Ms: null };
  const minute = { atMs: 60_000, phase: 'idle', weightPpm: 5, clusters: { x: traffic, y: traffic } } as const;
  unwrap(first.saveMinute(minute));
  first.close();
  const second = openStore(t, file);
  assert.deepEqual(unwrap(second.loadRollout()), state);
  assert.deepEqual(unwrap(second.readEvents(0, 10)), [event(1), event(2)]);
  assert.deepEqual(unwrap(second.readEvents(1, 10)), [event(2)]);
  assert.deepEqual(unwrap(second.loadAnalysis()), { atMs: 9, snapshot: { some: 'numbers' } });
  assert.deepEqual(unwrap(second.readMinutes(0, 60_001, 10)), [minute]);
  assert.deepEqual(unwrap(second.readMinutes(0, 60_000, 10)), []);
  assert.equal(unwrap(second.lastEventId()), 2);
});

test('store has nothing to resume when it is new', (t) => {
  const store = openStore(t, join(tempFolder(t), 'crossover.db'));
  assert.equal(unwrap(store.loadRollout()), null);
  assert.equal(unwrap(store.loadAnalysis()), null);
  assert.equal(unwrap(store.lastEventId()), 0);
});

test('store keeps a config once when it does not change', (t) => {
  const file = join(tempFolder(t), 'crossover.db');
  const store = openStore(t, file);
  for (const config of [{ a: 1, b: 2 }, { b: 2, a: 1 }, { a: 2 }]) unwrap(store.saveConfig(1, config));
  const db = new DatabaseSync(file);
  assert.equal(db.prepare('SELECT count(*) AS count FROM configs').get()?.count, 2);
  db.close();
});

test('store refuses to change or remove records', (t) => {
  const file = join(tempFolder(t), 'crossover.db');
  unwrap(openStore(t, file).appendEvent(event(1)));
  const db = new DatabaseSync(file);
  assert.throws(() => db.exec("UPDATE events SET record = '{}'"), /append-only/);
  assert.throws(() => db.exec('DELETE FROM events'), /append-only/);
  db.close();
});

test('store finds the record that was changed behind its back', (t) => {
  const file = join(tempFolder(t), 'crossover.db');
  const store = openStore(t, file);
  for (const id of [1, 2, 3, 4]) unwrap(store.appendEvent(event(id)));
  assert.equal(unwrap(store.verifyRecord()), null);
  const db = new DatabaseSync(file);
  db.exec(
    `DROP TRIGGER events_no_update; UPDATE events SET record = replace(record, 'event 3', 'event x') WHERE id = 3`,
  );
  db.close();
  assert.match(unwrap(store.verifyRecord()) ?? '', /Record 3 of events/);
});

test('store finds the gap when a record was removed behind its back', (t) => {
  const file = join(tempFolder(t), 'crossover.db');
  const store = openStore(t, file);
  for (const id of [1, 2, 3]) unwrap(store.appendEvent(event(id)));
  const db = new DatabaseSync(file);
  db.exec('DROP TRIGGER events_no_delete; DELETE FROM events WHERE id = 2');
  db.close();
  assert.match(unwrap(store.verifyRecord()) ?? '', /Record 3 of events/);
});

test('store brings an older file up to date and keeps what is in it', (t) => {
  const file = join(tempFolder(t), 'crossover.db');
  const db = new DatabaseSync(file);
  db.exec(`${migrations[0]}; PRAGMA user_version = 1`);
  db.exec(`INSERT INTO rollout (id, state) VALUES (1, '{"phase":"idle","weightPpm":42}')`);
  db.close();
  const store = openStore(t, file);
  assert.deepEqual(unwrap(store.loadRollout()), { phase: 'idle', weightPpm: 42 });
  assert.deepEqual(unwrap(store.readMinutes(0, 1, 1)), []);
});

test('store leaves a newer file untouched and says so', (t) => {
  const file = join(tempFolder(t), 'crossover.db');
  const db = new DatabaseSync(file);
  db.exec(`CREATE TABLE events (x); PRAGMA user_version = ${schemaVersion + 1}`);
  db.close();
  const opened = openSqliteStore(file);
  assert.ok(!opened.ok);
  assert.equal(opened.problem.kind, 'newer-schema');
  assert.match(opened.problem.text, /newer version of Crossover/);
  const after = new DatabaseSync(file);
  assert.equal(after.prepare('PRAGMA user_version').get()?.user_version, schemaVersion + 1);
  assert.equal(after.prepare('PRAGMA journal_mode').get()?.journal_mode, 'delete');
  after.close();
});

test('store says what is wrong when the file is no database', (t) => {
  const file = join(tempFolder(t), 'crossover.db');
  writeFileSync(file, 'this is not a database, whatever its name says'.repeat(100));
  const opened = openSqliteStore(file);
  assert.ok(!opened.ok);
  assert.equal(opened.problem.kind, 'foreign');
  assert.match(
    opened.problem.text,
    /crossover\.db is not one: an SQLite database .* was expected; .*it begins with "this is not a da"/,
  );
});

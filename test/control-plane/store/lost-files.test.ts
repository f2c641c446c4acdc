// The store's files are removed or replaced while they are in use: it is noticed, nothing that has their name
// is written over, what was on record is saved, and it goes on once the record is back.
import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { EventLog } from '#src/control-plane/events/event-log.ts';
import { DurableStore } from '#src/control-plane/store/durable-store.ts';
import { openSqliteStore } from '#src/control-plane/store/sqlite-store.ts';
import { storeCheckMs, storeRetryMs } from '#src/control-plane/store/store-availability.ts';
import { tickMs } from '#src/limits.ts';
import { checkRecordNow } from '#src/record/record-check.ts';
import { openRecordFile } from '#src/record/record-file.ts';
import { backend, startControl } from '../support/control-rig.ts';
import { DirectPort } from '../support/direct-port.ts';
import { event } from '../support/records.ts';
import { tempFolder } from '../support/temp-folder.ts';

function rig(t: TestContext) {
  const file = join(tempFolder(t), 'crossover.db');
  const problems: (string | null)[] = [];
  const events = new EventLog({ epochMs: () => 1_000, log: () => {} });
  const port = DirectPort.on(file);
  const store = new DurableStore({
    port,
    file,
    onChange: (problem) => void problems.push(problem?.kind ?? null),
    reconcileIds: (lastId, firstId) => events.reconcileIds(lastId, firstId),
  });
  t.after(() => store.close(1_000));
  events.keepIn((added) => store.appendEvent(added));
  let nowMs = 0;
  const pass = (ms: number): void => {
    for (const untilMs = nowMs + ms; nowMs <= untilMs; nowMs += tickMs) store.tick(nowMs);
  };
  for (const text of ['one', 'two', 'three']) events.add({ name: 'a', text });
  pass(storeCheckMs);
  assert.deepEqual(problems, []);
  return { file, problems, events, store, pass };
}

/** Texts of the events in a file, which must be intact. */
function textsIn(file: string): string[] {
  const opened = openRecordFile(file);
  assert.ok(opened.ok, JSON.stringify(opened));
  const checked = checkRecordNow(opened.value, { pages: true });
  opened.value.close();
  assert.ok(checked.ok && checked.value.intact, JSON.stringify(checked));
  const store = openSqliteStore(file);
  assert.ok(store.ok);
  const read = store.value.readEvents(0, 100);
  store.value.close();
  assert.ok(read.ok);
  return read.value.map(({ text }) => text);
}

test('a store that is removed is noticed, saved beside its place, and goes on from there', (t) => {
  const { file, problems, events, store, pass } = rig(t);
  rmSync(file);
  pass(storeCheckMs);
  assert.deepEqual([store.problem?.kind, problems], ['lost', ['lost']]);
  const saved = `${file}.saved-1`;
  assert.match(
    store.problem?.text ?? '',
    new RegExp(`was removed while .* is in ${saved}: move that to ${file}, `),
  );
  assert.equal(statSync(saved).mode & 0o777, 0o600);
  events.add({ name: 'b', text: 'meanwhile' });
  pass(10 * storeRetryMs);
  assert.equal(existsSync(file), false, 'no empty store is begun in its place');
  assert.match(store.problem?.text ?? '', /\.saved-1/, 'what to do is still told');
  renameSync(saved, file);
  pass(storeRetryMs);
  assert.deepEqual(problems, ['lost', null]);
  void store.close(1_000);
  assert.deepEqual(textsIn(file), ['one', 'two', 'three', 'meanwhile']);
});

test('a store that is replaced leaves the new file as it is', (t) => {
  const { file, problems, events, store, pass } = rig(t);
  const other = `${file}.other`;
  const made = openSqliteStore(other);
  assert.ok(made.ok && made.value.appendEvent(event(1)).ok);
  made.value.close();
  const bytes = readFileSync(other);
  renameSync(other, file);
  pass(storeCheckMs);
  assert.deepEqual(problems, ['replaced']);
  assert.match(store.problem?.text ?? '', /restart Crossover to go on with this one .*\.saved-1/);
  events.add({ name: 'b', text: 'meanwhile' });
  pass(10 * storeRetryMs);
  assert.deepEqual(readFileSync(file), bytes);
  assert.deepEqual(
    readdirSync(dirname(file)).filter((name) => /-wal|-shm/.test(name)),
    [],
    'no log is left that SQLite would put into it',
  );
  copyFileSync(`${file}.saved-1`, file);
  pass(storeRetryMs);
  assert.deepEqual(problems, ['replaced', null]);
  void store.close(1_000);
  assert.deepEqual(textsIn(file), ['one', 'two', 'three', 'meanwhile']);
});

for (const [what, put, words] of [
  ['text', 'not a database', /\(it was replaced while/],
  ['nothing', '', /\(it was replaced while/],
] as const)
  test(`a store that is replaced by ${what} leaves the new file as it is`, (t) => {
    const { file, problems, store, pass } = rig(t);
    rmSync(file);
    writeFileSync(file, put);
    pass(storeCheckMs + 10 * storeRetryMs);
    assert.deepEqual(problems, ['replaced']);
    assert.match(store.problem?.text ?? '', words);
    assert.equal(readFileSync(file, 'utf8'), put);
  });

test('a write-ahead log that is removed costs nothing: it is noticed, saved into the store, and it goes on', (t) => {
  for (const suffix of ['-wal', '-shm']) {
    const { file, problems, events, store, pass } = rig(t);
    rmSync(`${file}${suffix}`);
    events.add({ name: 'b', text: 'into the removed log' });
    pass(storeCheckMs);
    assert.deepEqual(problems, ['lost']);
    assert.match(
      store.problem?.text ?? '',
      new RegExp(`${file}${suffix} was removed while Crossover used it; what it held was saved`),
    );
    pass(2 * storeRetryMs);
    assert.deepEqual(problems, ['lost', null]);
    void store.close(1_000);
    assert.deepEqual(textsIn(file), ['one', 'two', 'three', 'into the removed log']);
  }
});

test('a write-ahead log that is replaced is put aside, and what was in its place is kept', (t) => {
  const { file, problems, events, store, pass } = rig(t);
  rmSync(`${file}-wal`);
  writeFileSync(`${file}-wal`, 'of somebody else');
  events.add({ name: 'b', text: 'into the old log' });
  pass(storeCheckMs + 2 * storeRetryMs);
  assert.deepEqual(problems, ['lost', null]);
  assert.equal(readFileSync(`${file}-wal.foreign-1`, 'utf8'), 'of somebody else');
  void store.close(1_000);
  assert.deepEqual(textsIn(file), ['one', 'two', 'three', 'into the old log']);
});

test('a store whose folder is removed is saved once there is a place for it', (t) => {
  const { file, problems, store, pass } = rig(t);
  rmSync(dirname(file), { recursive: true });
  pass(storeCheckMs + 2 * storeRetryMs);
  assert.deepEqual(problems, ['lost']);
  assert.match(
    store.problem?.text ?? '',
    /could not be saved beside it: .*ENOENT.* It is tried again until this process ends/,
  );
  mkdirSync(dirname(file));
  pass(storeRetryMs);
  renameSync(`${file}.saved-1`, file);
  pass(storeRetryMs);
  assert.deepEqual(problems, ['lost', null]);
  void store.close(1_000);
  assert.deepEqual(textsIn(file), ['one', 'two', 'three']);
});

test('an older copy in the place of a store that failed is not written to', (t) => {
  const { file, problems, events, store, pass } = rig(t);
  const older = `${file}.older`;
  copyFileSync(file, older);
  copyFileSync(`${file}-wal`, `${older}-wal`);
  events.add({ name: 'b', text: 'later' });
  renameSync(older, file);
  pass(storeCheckMs + 3 * storeRetryMs);
  assert.deepEqual([problems, store.problem?.kind], [['replaced'], 'replaced']);
});

test('a running Crossover tells of a store that was removed in status, readiness, metrics and events', async (t) => {
  const control = await startControl(t, { nodes: { x: [await backend(t)], y: [await backend(t)] } });
  await control.call('GET', '/v1/events');
  rmSync(control.database);
  await control.untilEvent('store-unavailable');
  const { store } = (await control.call('GET', '/v1/status')).json;
  assert.deepEqual([store.writable, store.problem.kind], [false, 'lost']);
  const ready = await control.call('GET', '/readyz');
  assert.equal(ready.status, 503);
  assert.match(ready.text, /was removed while Crossover used it/);
  assert.match((await control.call('GET', '/metrics')).text, /^crossover_store_writable 0$/m);
  const { events } = (await control.call('GET', '/v1/events?limit=1000')).json;
  const told = events.find(({ name }: { name: string }) => name === 'store-unavailable');
  assert.equal(told.detail.kind, 'lost');
  renameSync(`${control.database}.saved-1`, control.database);
  await control.untilEvent('store-recovered');
});
